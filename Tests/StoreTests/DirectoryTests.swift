import Foundation
import GRDB
import Provisioning
import Testing

@testable import Store

@Suite struct DirectoryTests {
  @Test func aSecondStoreIsKeptOutWithTheProcessThatHasTheDirectory() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    let error = #expect(throws: StoreError.self) { _ = try Engine.sqliteFile.open(world) }
    #expect(error == .inUse(directory: world.directory, process: getpid()))
    #expect(
      error?.description
        == "\(world.directory) is in use by process \(getpid()). One region per data directory.")
    await store.close()
    await (try Engine.sqliteFile.open(world)).close()
  }

  @Test func aNewerSchemaIsRefusedAndLeftAlone() async throws {
    let world = World()
    await (try Engine.sqliteFile.open(world)).close()
    do {
      let database = try DatabaseQueue(path: world.path)
      try await database.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA user_version = 12") }
      try database.close()
    }
    let before = try Data(contentsOf: URL(fileURLWithPath: world.path))
    let error = #expect(throws: StoreError.self) { _ = try Engine.sqliteFile.open(world) }
    #expect(error == .newerSchema(found: 12, known: Schema.known, program: "0.1.0"))
    #expect(
      error?.description.hasPrefix("database is schema 12, this program (0.1.0) knows up to \(Schema.known).") == true)
    #expect(try Data(contentsOf: URL(fileURLWithPath: world.path)) == before)
  }

  @Test func anOlderSchemaIsBroughtForwardAfterABackup() async throws {
    let world = World()
    try FileManager.default.createDirectory(atPath: world.directory, withIntermediateDirectories: true)
    do {
      let database = try DatabaseQueue(path: world.path)
      try await database.writeWithoutTransaction { db in
        try db.execute(sql: Schema.steps[0])
        try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 1")
        try db.execute(sql: "INSERT INTO meta VALUES ('incarnation', x'000102030405060708090a0b0c0d0e0f')")
      }
      try database.close()
    }
    let store = try Engine.sqliteFile.open(world)
    #expect(
      try await store.read { try $0.incarnation() } == Incarnation(bits: 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f))
    #expect(try await store.read { try $0.retiredSubnets(ownedBy: "rack1") }.isEmpty)
    try await store.furnish()
    let files = try FileManager.default.contentsOfDirectory(atPath: world.directory)
    let backup = try #require(files.first { $0.hasPrefix("muster.db.schema-1.") && $0.hasSuffix(".backup") })
    let old = try DatabaseQueue(path: world.directory + "/" + backup)
    #expect(try await old.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } == 1)
    #expect(try await old.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
  }

  @Test func aFileOfAnotherProgramIsRefusedAndLeftAlone() async throws {
    let world = World()
    try FileManager.default.createDirectory(atPath: world.directory, withIntermediateDirectories: true)
    do {
      let database = try DatabaseQueue(path: world.path)
      try await database.write { db in try db.execute(sql: "CREATE TABLE theirs (x)") }
      try database.close()
    }
    let foreign = #expect(throws: StoreError.self) { _ = try Engine.sqliteFile.open(world) }
    #expect(foreign == .corrupt(path: world.path, reason: "it belongs to another program"))
    try Data("this is no database, whatever its name says: ".utf8).write(to: URL(fileURLWithPath: world.path))
    let noise = #expect(throws: StoreError.self) { _ = try Engine.sqliteFile.open(world) }
    if case .corrupt = noise {} else { Issue.record("\(String(describing: noise))") }
  }

  @Test func aDirectoryThatCannotBeWrittenIsNamed() {
    let environment = World().environment
    for path in ["/proc/muster/muster.db", "/dev/null/muster.db"] {
      let error = #expect(throws: StoreError.self) { _ = try SQLiteStore(path: path, environment: environment) }
      if case .notWritable = error {} else { Issue.record("\(String(describing: error))") }
    }
  }

  @Test func aCommitIsSyncedToTheDisk() async throws {
    let world = World()
    let store = try SQLiteStore(path: world.path, environment: world.environment)
    let (mode, level) = try await store.engine.database.writeWithoutTransaction { db in
      (try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"))
    }
    #expect(mode == "wal")
    #expect(level == 2, "FULL")
  }

  @Test func aBackupIsWholeAndAnotherIncarnation() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    try await store.furnish()
    try await store.add(spec("a", mac(1)))
    let incarnation = try await store.read { try $0.incarnation() }
    let copy = World(seed: 2)
    try FileManager.default.createDirectory(atPath: copy.directory, withIntermediateDirectories: true)
    try await store.backUp(to: copy.path)
    await #expect(throws: StoreError.exists(path: copy.path)) { try await store.backUp(to: copy.path) }
    try await store.add(spec("b", mac(2)))
    let restored = try Engine.sqliteFile.open(copy)
    #expect(try await restored.node("a") != nil)
    #expect(try await restored.node("b") == nil)
    let drawn = try await restored.read { try $0.incarnation() }
    #expect(drawn != incarnation)
    try await restored.checkIntegrity()
    // It is drawn once.
    await restored.close()
    let again = try Engine.sqliteFile.open(copy)
    #expect(try await again.read { try $0.incarnation() } == drawn)
  }

  @Test func anIncarnationSurvivesARestart() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    let incarnation = try await store.read { try $0.incarnation() }
    await store.close()
    let again = try Engine.sqliteFile.open(world)
    #expect(try await again.read { try $0.incarnation() } == incarnation)
  }

  @Test func aBackupIsRestoredAlsoBesideTheLogOfAKilledRegion() async throws {
    let world = World()
    let backup = world.directory + "-backup.db"
    var store: (any RegionStore)? = try Engine.sqliteFile.open(world)
    try await store?.furnish()
    try await store?.add(spec("a", mac(1)))
    let incarnation = try await store?.read { try $0.incarnation() }
    try await store?.backUp(to: backup)
    try await store?.add(spec("b", mac(2)))
    #expect(throws: StoreError.self, "a region runs on it") {
      try SQLiteStore.restore(from: backup, to: world.path, environment: world.environment)
    }
    // As kill -9 leaves it: the log holds what came after the backup.
    let log = try Data(contentsOf: URL(filePath: world.path + "-wal"))
    await store?.close()
    store = nil
    try log.write(to: URL(filePath: world.path + "-wal"))
    let kept = try #require(try SQLiteStore.restore(from: backup, to: world.path, environment: world.environment))
    #expect(FileManager.default.fileExists(atPath: kept + "-wal"))
    let restored = try Engine.sqliteFile.open(world)
    #expect(try await restored.node("a") != nil)
    #expect(try await restored.node("b") == nil)
    #expect(try await restored.read { try $0.incarnation() } != incarnation)
  }

  @Test func whatIsNoBackupReplacesNothing() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    try await store.furnish()
    await store.close()
    for bad in ["/nonexistent.db", "/etc/passwd"] {
      #expect(throws: StoreError.self) {
        try SQLiteStore.restore(from: bad, to: world.path, environment: world.environment)
      }
    }
    let again = try Engine.sqliteFile.open(world)
    #expect(try await again.row("hall1").subnet.name == "hall1")
  }

  @Test func aClosedStoreIsOneFile() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    try await store.furnish()
    await store.close()
    let log = world.path + "-wal"
    #expect(DirectoryLock.size(ofFile: log) == 0)
    let copy = World(seed: 3)
    try FileManager.default.createDirectory(atPath: copy.directory, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: world.path, toPath: copy.path)
    #expect(try await Engine.sqliteFile.open(copy).row("hall1").subnet.name == "hall1")
  }
}
