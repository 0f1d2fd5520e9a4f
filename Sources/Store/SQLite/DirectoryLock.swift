internal import Glibc
internal import Synchronization

/// The exclusive right to a data directory: a locked file in it that holds our process id. The kernel
/// gives the lock back when the process ends, however it ends.
final class DirectoryLock: Sendable {
  /// -1 once it was given back.
  private let descriptor: Atomic<CInt>

  /// Creates the directory if it is not there.
  ///
  /// - Throws: `StoreError.inUse`, `StoreError.notWritable`.
  init(directory: String) throws(StoreError) {
    if mkdir(directory, 0o750) != 0, errno != EEXIST { throw .notWritable(path: directory, reason: Self.reason()) }
    let path = directory + "/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .notWritable(path: directory, reason: Self.reason()) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.process(in: descriptor)
      close(descriptor)
      throw .inUse(directory: directory, process: holder)
    }
    self.descriptor = Atomic(descriptor)
    let text = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
      let reason = Self.reason()
      release()
      throw .notWritable(path: path, reason: reason)
    }
  }

  deinit {
    release()
  }

  /// Gives the directory back.
  func release() {
    let descriptor = descriptor.exchange(-1, ordering: .relaxed)
    guard descriptor >= 0 else { return }
    // A child that was forked and has not begun its program yet has the file open too, and would keep the lock.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Creates an empty file that only our user and group can read, if it is not there. SQLite gives its
  /// log the same rights.
  static func create(file: String) throws(StoreError) {
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .notWritable(path: file, reason: reason()) }
    close(descriptor)
  }

  /// The size of a file in octets; 0 if it is not there.
  static func size(ofFile path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  static func rename(_ path: String, to new: String) throws(StoreError) {
    guard Glibc.rename(path, new) == 0 else { throw .notWritable(path: path, reason: reason()) }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Makes sure that the names in the directory survive power loss.
  static func sync(directory: String) throws(StoreError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .notWritable(path: directory, reason: reason()) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .failed(reason: "fsync \(directory): \(reason())") }
  }

  private static func process(in descriptor: CInt) -> Int32? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &text, text.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: text.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
