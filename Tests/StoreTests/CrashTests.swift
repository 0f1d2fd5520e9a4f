import Foundation
import Provisioning
import Testing

@testable import Store

/// Kills a writing process with SIGKILL and looks at what it left.
@Suite struct CrashTests {
  private static let variable = "MUSTER_STORE_CRASH_CHILD"

  /// The writer: runs only in the child, until it is killed.
  @Test(.enabled(if: ProcessInfo.processInfo.environment[variable] != nil))
  func writesUntilItIsKilled() async throws {
    let path = try #require(ProcessInfo.processInfo.environment[Self.variable])
    let world = World()
    let store = try SQLiteStore(path: path, environment: world.environment)
    let start = UInt64(try await store.read { try $0.nodeCounts().values.reduce(0, +) })
    if start == 0, try await store.read({ try $0.subnet(named: "hall1") }) == nil { try await store.furnish() }
    var next = UInt64.random(in: 1_000_000...2_000_000_000)
    while true {
      let base = next
      next += 16
      await withTaskGroup { group in
        for number in base..<next {
          group.addTask {
            do {
              let node = try await store.add(spec(try NodeName("n\(number)"), mac(number), "hall1", .dynamic))
              // Only after the acknowledgement, and in one piece.
              FileHandle.standardError.write(Data("acknowledged \(node.name)\n".utf8))
            } catch {
              FileHandle.standardError.write(Data("failed \(error)\n".utf8))
            }
          }
        }
      }
    }
  }

  @Test(arguments: 1...2) func whatWasAcknowledgedIsThereAfterTheKill(round: Int) async throws {
    let world = World()
    var acknowledged: Set<String> = []
    for lines in [1, 40, 150] {
      acknowledged.formUnion(try writeAndKill(path: world.path, after: lines * round))
      let store = try SQLiteStore(path: world.path, environment: world.environment)
      let nodes = try await store.read { Set(try $0.nodes(limit: 10_000).items.map(\.name.text)) }
      #expect(acknowledged.isSubset(of: nodes))
      let row = try await store.row("hall1")
      #expect(row.progress.bindings == nodes.count)
      let page = try #require(try await store.read { try $0.feed(row.subnet.dhcpID, from: .snapshot, limit: 10_000) })
      #expect(page.digest == SubnetDigest(header: row.subnet.header, bindings: page.rows.compactMap(\.binding)))
      try await store.checkIntegrity()
      await store.close()
    }
    #expect(!acknowledged.isEmpty)
  }

  /// Starts the writer, kills it after so many acknowledgements, and returns them.
  private func writeAndKill(path: String, after lines: Int) throws -> Set<String> {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments =
      CommandLine.arguments.dropFirst().filter { $0.hasSuffix(".xctest") || $0.hasPrefix("--test-bundle-path") }
      + ["--testing-library", "swift-testing", "--filter", "writesUntilItIsKilled"]
    process.environment = ProcessInfo.processInfo.environment.merging([Self.variable: path]) { $1 }
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var text = Data()
    let prefix = "acknowledged "
    func names() -> [String] {
      String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        .compactMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil }
    }
    while names().count < lines {
      let piece = pipe.fileHandleForReading.availableData
      if piece.isEmpty {
        Issue.record("the writer ended by itself: \(String(decoding: text.suffix(2000), as: UTF8.self))")
        break
      }
      text += piece
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    // What it said before it died counts as well.
    text += pipe.fileHandleForReading.readDataToEndOfFile()
    return Set(names())
  }
}
