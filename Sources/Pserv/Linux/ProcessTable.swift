internal import Glibc
internal import Provisioning

/// One process, told apart from a later one that got its number: the kernel's start time goes with it.
package struct ProcessIdentity: Hashable, Sendable {
  package let pid: Int32
  /// Clock ticks after boot, /proc/PID/stat field 22.
  package let startTicks: UInt64
}

/// What /proc says about processes.
enum ProcessTable {
  /// Bytes of one /proc file that are read; a command line of ours is far shorter.
  private static let fileBytesMax = 64 << 10

  /// The processes that were started with exactly these words in that network namespace, oldest first.
  ///
  /// An agent that was killed finds its daemons by this, with no file that could be stale: their command lines
  /// name this rack's own configuration.
  static func find(arguments: [String], in namespace: String?) -> [ProcessIdentity] {
    find(in: namespace) { $0 == arguments }
  }

  /// The processes in that network namespace whose command line is wanted, oldest first.
  static func find(in namespace: String?, where isWanted: ([String]) -> Bool) -> [ProcessIdentity] {
    allProcesses().filter { pid in
      guard let words = commandLine(of: pid), isWanted(words) else { return false }
      return namespace == nil || networkNamespace(of: pid) == namespace
    }
    .compactMap { pid in
      // A zombie has an empty command line and never gets here.
      startTicks(of: pid).map { ProcessIdentity(pid: pid, startTicks: $0) }
    }
    .sorted { ($0.startTicks, $0.pid) < ($1.startTicks, $1.pid) }
  }

  static func isAlive(_ process: ProcessIdentity) -> Bool {
    startTicks(of: process.pid) == process.startTicks
  }

  static func startTicks(of pid: Int32) -> UInt64? {
    guard let bytes = read("/proc/\(pid)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // After the name in parentheses, which may hold anything, comes field 3.
    let fields = bytes[bytes.index(after: end)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19 else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }

  /// Whether the process's network namespace has a UDP socket bound to this address and port.
  static func hasUDPSocket(_ pid: Int32, at address: IPv4Address, port: UInt16) -> Bool {
    guard let bytes = read("/proc/\(pid)/net/udp") else { return false }
    // The kernel prints the address's bytes as a number of the host's order.
    let wanted = hex(address.bits.byteSwapped, digits: 8) + ":" + hex(UInt32(port), digits: 4)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { line in
      line.split(separator: " ").dropFirst().first.map { $0 == wanted } ?? false
    }
  }

  private static func hex(_ number: UInt32, digits: Int) -> String {
    let text = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: digits - text.count) + text
  }

  private static func commandLine(of pid: Int32) -> [String]? {
    guard let bytes = read("/proc/\(pid)/cmdline"), bytes.last == 0 else { return nil }
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// Resident memory in bytes.
  static func residentBytes(of pid: Int32) -> Int? {
    guard let bytes = read("/proc/\(pid)/statm") else { return nil }
    let fields = bytes.split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// The kernel's name of the network namespace, `net:[4026531840]`.
  static func networkNamespace(of pid: Int32) -> String? {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/\(pid)/ns/net", &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func allProcesses() -> [Int32] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let pid = Int32(name) { found.append(pid) }
    }
    return found
  }

  private static func read(_ path: String) -> [UInt8]? {
    do { return try ReadFile.bytes(of: path, max: fileBytesMax) } catch { return nil }
  }
}
