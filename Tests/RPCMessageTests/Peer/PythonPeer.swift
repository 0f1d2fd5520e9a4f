internal import Foundation

/// Runs `Python/peer.py` beside the test, with a scratch folder of its own.
struct PythonPeer: ~Copyable {
  let folder: URL
  private let script: URL

  /// The root of the repository, also when the tests are reached through a link.
  static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "messages-\(UUID().uuidString)")
    script = Self.repository.appending(path: "Tests/RPCMessageTests/Python/peer.py")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// - Returns: What it printed.
  func run(_ command: String, _ arguments: String...) throws -> String {
    try Self.run("/usr/bin/python3", [script.path, command, folder.path] + arguments)
  }

  struct Failure: Error {
    let status: Int32
    let output: String
  }

  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(status: process.terminationStatus, output: String(text.suffix(4000)))
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The parts of a file of the peer's: each a length of four octets and that many octets.
  func read(_ name: String) throws -> [[UInt8]] {
    let octets = [UInt8](try Data(contentsOf: folder.appending(path: name)))
    var parts: [[UInt8]] = []
    var position = 0
    while position < octets.count {
      let length = octets[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      parts.append(Array(octets[position + 4..<position + 4 + length]))
      position += 4 + length
    }
    return parts
  }

  func write(_ name: String, _ parts: [[UInt8]]) throws {
    var octets: [UInt8] = []
    for part in parts {
      for shift in [24, 16, 8, 0] { octets.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
      octets += part
    }
    try Data(octets).write(to: folder.appending(path: name))
  }
}
