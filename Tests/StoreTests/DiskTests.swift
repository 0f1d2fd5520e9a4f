import Foundation
import GRDB
import Provisioning
import Testing

@testable import Store

@Suite struct DiskTests {
  /// A database that may not grow stands for a full disk: SQLite takes the same way out.
  @Test func aFullDiskRefusesTheWriteAndKeepsTheRest() async throws {
    let world = World()
    let store = try SQLiteStore(path: world.path, environment: world.environment)
    try await store.furnish()
    for number in 1...20 as ClosedRange<UInt64> { try await store.add(spec(try NodeName("n\(number)"), mac(number))) }
    let pages = try limitPages(store, to: nil)
    try limitPages(store, to: pages + 2)
    var isFull = false
    var added: UInt64 = 20
    for number in 21...2000 as ClosedRange<UInt64> where !isFull {
      do {
        try await store.add(spec(try NodeName("n\(number)"), mac(number)))
        added = number
      } catch {
        #expect(error as? StoreError == .diskFull(path: world.path))
        isFull = true
      }
    }
    #expect(isFull)
    try await verify(store, nodes: added)
    // Room again: writes succeed, and nothing was lost.
    try limitPages(store, to: 1_000_000)
    try await store.add(spec("later", mac(9999)))
    try await verify(store, nodes: added + 1)
    await store.close()
    let again = try SQLiteStore(path: world.path, environment: world.environment)
    try await verify(again, nodes: added + 1)
  }

  @Test func ofABatchThatMeetsAFullDiskNothingIsAcknowledgedAndLost() async throws {
    let world = World()
    let store = try SQLiteStore(path: world.path, environment: world.environment)
    try await store.furnish()
    try limitPages(store, to: limitPages(store, to: nil) + 12)
    let acknowledged = await withTaskGroup(of: NodeName?.self) { group in
      for number in 1...400 as ClosedRange<UInt64> {
        group.addTask {
          do { return try await store.add(spec(try NodeName("n\(number)"), mac(number))).name } catch {
            #expect(error as? StoreError == .diskFull(path: world.path))
            return nil
          }
        }
      }
      return await group.reduce(into: Set<NodeName>()) { names, name in if let name { names.insert(name) } }
    }
    #expect(acknowledged.count < 400)
    let stored = try await store.read { Set(try $0.nodes(limit: 1000).items.map(\.name)) }
    #expect(stored == acknowledged)
    try await verify(store, nodes: UInt64(acknowledged.count))
  }

  /// A file system of 2 MiB that is really full, where this machine lets us make one.
  @Test(.enabled(if: TinyDisk.isPossible)) func aReallyFullDiskRefusesTheWriteAndKeepsTheRest() async throws {
    let disk = try TinyDisk(kib: 2048)
    defer { disk.remove() }
    let world = World()
    let path = disk.path + "/muster.db"
    let store = try SQLiteStore(path: path, environment: world.environment)
    try await store.furnish()
    var added: UInt64 = 0
    var failure: StoreError?
    for number in 1...20_000 as ClosedRange<UInt64> where failure == nil {
      do {
        try await store.add(spec(try NodeName("n\(number)"), mac(number), "hall1", .dynamic))
        added = number
      } catch {
        failure = error as? StoreError
      }
    }
    #expect(failure == .diskFull(path: path))
    #expect(try await store.read { try $0.nodeCounts()[.ready] ?? 0 } == Int(added))
    await store.close()
    // As the region would find it after a restart, with room again.
    try disk.grow(kib: 16_384)
    let again = try SQLiteStore(path: path, environment: world.environment)
    #expect(try await again.read { try $0.nodeCounts()[.ready] ?? 0 } == Int(added))
    try await again.add(spec("later", mac(999_999), "hall1", .dynamic))
    try await again.checkIntegrity()
    await again.close()
  }

  @discardableResult
  private func limitPages(_ store: SQLiteStore, to pages: Int?) throws -> Int {
    try store.engine.database.writeWithoutTransaction { db in
      if let pages { try db.execute(sql: "PRAGMA max_page_count = \(pages)") }
      return try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
    }
  }

  private func verify(_ store: some RegionStore, nodes: UInt64) async throws {
    let row = try await store.row("hall1")
    let page = try #require(try await store.read { try $0.feed(row.subnet.dhcpID, from: .snapshot, limit: 10_000) })
    #expect(page.rows.count == Int(nodes))
    #expect(page.digest == SubnetDigest(header: row.subnet.header, bindings: page.rows.compactMap(\.binding)))
    #expect(try await store.read { try $0.nodeCounts()[.ready] ?? 0 } == Int(nodes))
    try await store.checkIntegrity()
  }
}

/// A small file system in memory, mounted for one test.
private struct TinyDisk {
  let path: String

  static let isPossible: Bool = {
    do {
      let disk = try TinyDisk(kib: 64)
      disk.remove()
      return true
    } catch {
      return false
    }
  }()

  init(kib: Int) throws {
    path = NSTemporaryDirectory() + "muster-disk-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    do { try Self.run("mount", "-t", "tmpfs", "-o", "size=\(kib)k", "tmpfs", path) } catch {
      try FileManager.default.removeItem(atPath: path)
      throw error
    }
  }

  func grow(kib: Int) throws { try Self.run("mount", "-o", "remount,size=\(kib)k", path) }

  func remove() {
    do {
      try Self.run("umount", path)
      try FileManager.default.removeItem(atPath: path)
    } catch {
      Issue.record("\(path) is left mounted: \(error)")
    }
  }

  private static func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteNoPermission) }
  }
}
