internal import Glibc
internal import Provisioning

/// Follows Kea's memfile: every lease that is given, renewed, released or deleted is one more line at its end.
///
/// Reading on from the last position costs what changed; asking Kea (`lease4-get-all`) would cost all leases each time
/// and take Kea's time. Kea writes the line before it answers the machine. Its hourly clean-up renames the file to `.1`,
/// begins a new one, and merges the old into `.2`.
struct LeaseFile: Sendable {
  let path: String
  private var current: Open?
  private(set) var table = LeaseTable()

  private struct Open: Sendable {
    var file: FileDescriptor
    var inode: UInt64
    var offset: Int
    /// The begin of a line whose end is not written yet.
    var partial: [UInt8] = []
  }

  /// A line of Kea's is at most some hundred octets; more without an end is no lease file.
  private static let lineBytesMax = 64 << 10
  private static let readBytes = 256 << 10
  /// What the clean-up leaves beside the file, oldest first.
  private static let generations = ["2", "1"]

  init(path: String) {
    self.path = path
  }

  /// Reads what is new and reports it. The first call reads everything, also what Kea's clean-up has put aside, and
  /// reports the leases that are held, not how they came about.
  ///
  /// - Throws: `SystemError`. No file is no error: Kea never ran.
  mutating func advance(_ report: (LeaseObservation) -> Void) throws(SystemError) {
    guard current != nil else { return try begin(report) }
    guard var open = current else { return }
    try drain(&open, report)
    current = open
    var status = stat()
    guard stat(path, &status) == 0, UInt64(status.st_ino) != open.inode else { return }
    // Renamed away by the clean-up. Kea wrote its last lines to the old file before it opened the new one.
    try drain(&open, report)
    guard var next = try Self.open(path) else { return }
    try drain(&next, report)
    current = next
  }

  private mutating func begin(_ report: (LeaseObservation) -> Void) throws(SystemError) {
    guard var opened = try Self.open(path) else { return }
    for generation in Self.generations {
      guard var old = try Self.open("\(path).\(generation)") else { continue }
      try drain(&old) { _ in }
    }
    try drain(&opened) { _ in }
    current = opened
    table.held.forEach(report)
  }

  private mutating func drain(_ open: inout Open, _ report: (LeaseObservation) -> Void) throws(SystemError) {
    var buffer = [UInt8](repeating: 0, count: Self.readBytes)
    while true {
      let count = pread(open.file.number, &buffer, buffer.count, open.offset)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw .last("read \(path)")
      }
      guard count > 0 else { return }
      open.offset += count
      var rest = buffer[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = open.partial.isEmpty ? rest[..<end] : (open.partial + rest[..<end])[...]
        open.partial = []
        rest = rest[(end + 1)...]
        if let row = LeaseRow(line: line), let change = table.apply(row) { report(change) }
      }
      guard open.partial.count + rest.count <= Self.lineBytesMax else {
        throw SystemError("read \(path)", code: EFBIG)
      }
      open.partial += rest
    }
  }

  private static func open(_ path: String) throws(SystemError) -> Open? {
    let file: FileDescriptor
    do throws(SystemError) { file = try FileDescriptor.open(path, O_RDONLY) } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw .last("stat \(path)") }
    return Open(file: file, inode: UInt64(status.st_ino), offset: 0)
  }
}
