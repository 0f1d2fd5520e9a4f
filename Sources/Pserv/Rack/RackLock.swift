internal import Glibc

/// The right to files that one agent alone may write: its state, the DHCP server's configuration, the loaders. A second
/// agent that would write any of them ends before it touches anything. The kernel releases the lock when the process
/// ends, however it ends.
package final class RackLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock at `path`, which is made if need be, and writes our process id into it. Its directory must exist.
  package init(path: String, mode: UInt32 = 0o644) throws(RackLockError) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, words: String(cString: strerror(errno))) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.holder(descriptor)
      close(descriptor)
      throw .inUse(path: path, process: holder)
    }
    self.descriptor = descriptor
    let text = Array("\(getpid())\n".utf8)
    // Whose lock it is, is for people; the lock itself does not depend on it.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  deinit {
    // A child that was forked and has not begun its program yet has the file open too, and would keep the lock.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  private static func holder(_ descriptor: Int32) -> Int32? {
    var buffer = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}

/// Why the lock could not be taken.
package enum RackLockError: Error, Sendable, Hashable, CustomStringConvertible {
  case cannotOpen(path: String, words: String)
  case inUse(path: String, process: Int32?)

  package var description: String {
    switch self {
    case .cannotOpen(let path, let words):
      return "cannot open \(path): \(words). Does the directory exist, and may this user write it?"
    case .inUse(let path, let process):
      let directory = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
      return "\(directory) is in use by process \(process.map { "\($0)" } ?? "unknown"). One agent per rack."
    }
  }
}
