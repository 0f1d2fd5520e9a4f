internal import GRDB

/// The writer's connection, for the length of one batch.
struct SQLiteConnection: WriteConnection {
  private let sqlite: SQLiteTables

  init(_ db: Database, path: String) {
    sqlite = SQLiteTables(db, path: path)
  }

  var tables: any Tables { sqlite }
  var isInTransaction: Bool { sqlite.db.isInsideTransaction }

  func begin() throws { try run("BEGIN IMMEDIATE") }
  func commit() throws { try run("COMMIT") }

  func rollback() {
    guard isInTransaction else { return }
    // A rollback reads nothing and writes nothing that matters; what failed before is reported.
    do { try run("ROLLBACK") } catch {}
  }

  func beginSavepoint() throws { try run("SAVEPOINT job") }
  func releaseSavepoint() throws { try run("RELEASE job") }

  func undoSavepoint() throws {
    try run("ROLLBACK TO job")
    try run("RELEASE job")
  }

  private func run(_ sql: String) throws {
    let query = try Query(sqlite, sql)
    try query.run()
  }
}
