internal import Glibc

/// Reading whole small files.
enum ReadFile {
  /// - Throws: `SystemError`; `EFBIG` when the file is larger than `max`.
  static func bytes(of path: String, max: Int) throws(SystemError) -> [UInt8] {
    let file = try FileDescriptor.open(path, O_RDONLY)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(file.number, &buffer, buffer.count)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw .last("read \(path)")
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= max else { throw SystemError("read \(path)", code: EFBIG) }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}

extension ReadFile {
  /// The same; `nil` when there is no such file.
  static func bytesIfPresent(at path: String, max: Int) throws(SystemError) -> [UInt8]? {
    do throws(SystemError) { return try bytes(of: path, max: max) } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
  }
}

/// A file that is at any moment, power loss included, either the old one or the new one.
package struct AtomicFile: Sendable {
  package let path: String
  /// Permission bits of the new file.
  package var mode: UInt32 = 0o640

  package init(_ path: String, mode: UInt32 = 0o640) {
    self.path = path
    self.mode = mode
  }

  /// Where the next content waits: beside the file, so that a rename is atomic.
  package var stagedPath: String { path + ".new" }

  /// Writes the next content and waits until it is on the disk. The file itself is untouched.
  package func stage(_ bytes: [UInt8]) throws(SystemError) {
    let file = try FileDescriptor.open(stagedPath, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    guard fchmod(file.number, mode) == 0 else { throw .last("chmod \(stagedPath)") }
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw .last("write \(stagedPath)")
      }
      start += count
    }
    guard fsync(file.number) == 0 else { throw .last("fsync \(stagedPath)") }
  }

  /// Makes the staged content the file's, durably.
  package func publish() throws(SystemError) {
    guard rename(stagedPath, path) == 0 else { throw .last("rename \(stagedPath)") }
    let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    let handle = try FileDescriptor.open(directory.isEmpty ? "." : directory, O_RDONLY | O_DIRECTORY)
    guard fsync(handle.number) == 0 else { throw .last("fsync \(directory)") }
  }

  /// Forgets the staged content, if any.
  package func discard() {
    unlink(stagedPath)
  }

  package func replace(with bytes: [UInt8]) throws(SystemError) {
    try stage(bytes)
    try publish()
  }
}

/// Directories of an instance.
enum Directory {
  /// Creates a directory and its parents. One that exists stays as it is.
  static func create(_ path: String, mode: UInt32 = 0o750) throws(SystemError) {
    if mkdir(path, mode) == 0 { return }
    switch errno {
    case EEXIST: return
    case ENOENT:
      guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw .last("mkdir \(path)") }
      try create(String(path[..<slash]), mode: 0o755)
      guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .last("mkdir \(path)") }
    default: throw .last("mkdir \(path)")
    }
  }
}
