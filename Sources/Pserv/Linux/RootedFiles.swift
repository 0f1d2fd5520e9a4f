internal import CLinux
internal import Glibc
package import Provisioning

/// The files below one directory, and never anything outside it.
///
/// The kernel itself refuses to leave the directory (openat2 with RESOLVE_BENEATH), by `..` as by symbolic links; links
/// inside it work. What is not a regular file does not exist.
package struct RootedFiles: Sendable, Hashable {
  package let root: String

  package init(root: String) {
    self.root = root
  }

  /// Opens a file for reading; `nil` when there is none, or none that may be read.
  package func open(_ path: BootPath) -> RootedFile? {
    let directory = Glibc.open(root, O_PATH_LINUX | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return nil }
    let handle = FileDescriptor(owning: directory)
    let number = muster_open_beneath(handle.number, path.text)
    guard number >= 0 else { return nil }
    return RootedFile(FileDescriptor(owning: number))
  }

  private var O_PATH_LINUX: Int32 { 0o10000000 }
}

/// A regular file open for reading, with what it was when it was opened.
package final class RootedFile: Sendable {
  /// Equal as long as nobody wrote the file or put another in its place.
  package struct Version: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    /// Of contents and inode, nanoseconds since 1970.
    var modified: Int64
    var changed: Int64
    package var sizeBytes: UInt64
  }

  package let version: Version
  private let descriptor: FileDescriptor

  init?(_ descriptor: FileDescriptor) {
    var status = stat()
    guard fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    var modified: Int64 = 0
    var changed: Int64 = 0
    guard muster_file_times(descriptor.number, &modified, &changed) == 0 else { return nil }
    self.descriptor = descriptor
    version = Version(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), modified: modified, changed: changed,
      sizeBytes: UInt64(status.st_size))
  }

  /// Reads up to `count` bytes at `offset`; fewer at the end, none behind it. Blocks on the disk.
  package func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
    while true {
      var result = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        result = pread(descriptor.number, buffer.baseAddress, count, off_t(offset))
        initialized = max(0, result)
      }
      if result >= 0 { return bytes }
      guard errno == EINTR else { throw .last("read a boot file") }
    }
  }
}
