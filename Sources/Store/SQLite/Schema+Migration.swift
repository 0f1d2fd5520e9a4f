internal import GRDB
internal import Glibc
internal import Provisioning

extension Schema {
  /// Looks at a database without changing it.
  ///
  /// - Returns: Its schema; 0 if the file is new.
  /// - Throws: `StoreError.newerSchema`, `StoreError.corrupt` if it is not ours.
  static func inspect(path: String, program: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > 0 else { return 0 }
    var configuration = Configuration()
    configuration.readonly = true
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration)
      defer { close(database) }
      return try database.read { try check($0, path: path, program: program) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private static func close(_ database: DatabaseQueue) {
    // A reader that cannot be closed keeps nobody out; the next open would say what is wrong.
    do { try database.close() } catch {}
  }

  private static func check(_ db: Database, path: String, program: String) throws -> Int {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let objects = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
    if version == 0, application == 0, objects == 0 { return 0 }
    guard application == applicationID else {
      throw StoreError.corrupt(path: path, reason: "it belongs to another program")
    }
    guard version <= known else { throw StoreError.newerSchema(found: version, known: known, program: program) }
    return version
  }

  /// Brings the database from schema `version` to the newest, each step in a transaction.
  static func migrate(_ db: Database, from version: Int, path: String) throws {
    for step in version..<known {
      try db.execute(sql: "BEGIN IMMEDIATE")
      do {
        try db.execute(sql: steps[step])
        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        try db.execute(sql: "PRAGMA user_version = \(step + 1)")
        try db.execute(sql: "COMMIT")
      } catch {
        // The first error is the one to report; SQLite may have rolled back already.
        do { try db.execute(sql: "ROLLBACK") } catch {}
        throw StoreError(error, path: path)
      }
    }
  }

  /// Fills in what every store has: an incarnation and the built-in profiles. A store that was
  /// restored from a backup draws a new incarnation.
  static func furnish(_ tables: SQLiteTables, environment: StoreEnvironment) throws {
    environment.leaseClock.resume(jumps: try tables.clockJumps())
    var transaction = Transaction(tables: tables, environment)
    if try tables.meta("incarnation") == nil || tables.meta(restoredKey) != nil {
      _ = try transaction.drawIncarnation()
      try tables.deleteMeta(restoredKey)
    }
    for name in [ProfileName.local, .enlist] where try tables.profile(name) == nil {
      _ = try transaction.createProfile(BootProfileSpec(name: name, kind: .local), by: .region)
    }
  }

  /// Stands in a copy of the store, so that whoever opens it knows that it is one.
  static let restoredKey = "restored"
}
