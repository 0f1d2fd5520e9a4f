internal import Glibc

/// Where a host's files are, one directory for each life of the program that has them: a new life begins with a copy of
/// what the last one's kernel knew, and what that one still writes while it unwinds is lost with it.
final class Disk {
  /// The present life's directory.
  private(set) var directory: String
  private let base: String
  private var life = 0

  /// Octets copied at a time.
  private static let pieceOctets = 1 << 20

  init(base: String) throws {
    self.base = base
    directory = "\(base).0"
    try Self.make(directory)
  }

  /// Copies the files of the present life that end in one of `names` to a new one's directory.
  func takeImage(of names: [String]) throws {
    life += 1
    let next = "\(base).\(life)"
    try Self.make(next)
    for name in names { try Self.copy("\(directory)/\(name)", to: "\(next)/\(name)") }
    directory = next
  }

  private static func make(_ directory: String) throws {
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw DiskError(directory) }
  }

  /// A file that is not there stays so.
  private static func copy(_ from: String, to: String) throws {
    let source = open(from, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else {
      if errno == ENOENT { return }
      throw DiskError(from)
    }
    defer { close(source) }
    let target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard target >= 0 else { throw DiskError(to) }
    defer { close(target) }
    var buffer = [UInt8](repeating: 0, count: pieceOctets)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count >= 0 else { throw DiskError(from) }
      guard count > 0 else { return }
      guard write(target, buffer, count) == count else { throw DiskError(to) }
    }
  }
}

/// A directory that goes with the run. In memory where the machine has such a place: what is simulated is a crash of
/// programs, and a real disk's syncs would take most of a run's time.
final class Scratch {
  let path: String

  init() throws {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/muster-simulation.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw DiskError(parent) }
    path = String(cString: made)
  }

  deinit { remove() }

  /// The run's files are done with. Called at its end, not left to `deinit`: what a run leaves in memory is memory.
  func remove() {
    // Nothing but what this run made is below it: directories with files.
    for directory in Self.names(in: path) {
      for file in Self.names(in: "\(path)/\(directory)") { unlink("\(path)/\(directory)/\(file)") }
      rmdir("\(path)/\(directory)")
    }
    rmdir(path)
  }

  private static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

struct DiskError: Error, CustomStringConvertible {
  let description: String

  init(_ path: String) {
    description = "\(path): \(String(cString: strerror(errno)))"
  }
}
