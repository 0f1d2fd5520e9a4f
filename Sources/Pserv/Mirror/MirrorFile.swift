internal import Glibc

/// The rights to the mirror's file: it holds the agent's credential, and its directory may be passed through by all.
enum MirrorFile {
  /// The agent's user reads and writes; nobody else.
  static let mode: mode_t = 0o600

  /// Makes an empty file at `path` that nobody else can read, or takes the rights of others away from the one there is.
  /// SQLite gives the files beside it the same rights when it makes them.
  ///
  /// An existing file is not opened: closing it would take the locks of a connection in this process away (POSIX).
  static func secure(_ path: String) throws(MirrorError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    if descriptor >= 0 {
      close(descriptor)
      return
    }
    guard errno == EEXIST else { throw .cannotOpen(path: path, words: String(cString: strerror(errno))) }
    for file in [path, path + "-wal", path + "-shm"] {
      guard chmod(file, mode) == 0 || (errno == ENOENT && file != path) else {
        throw .cannotOpen(path: file, words: String(cString: strerror(errno)))
      }
    }
  }
}
