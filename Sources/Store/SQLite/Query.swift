internal import GRDB
internal import GRDBSQLite

/// One use of a prepared statement: bind in order, step, read columns. The statement belongs to the
/// connection's cache; it is reset when the use ends, so no read stays open by accident.
///
/// Values are bound and read by SQLite's own functions: GRDB's boxes cost more than the rows.
struct Query: ~Copyable {
  private let statement: GRDB.Statement
  private let raw: OpaquePointer
  private let path: String
  private var position: CInt = 0

  /// - Throws: `StoreError` if the statement cannot be compiled.
  init(_ tables: SQLiteTables, _ sql: String) throws {
    do { statement = try tables.db.cachedStatement(sql: sql) } catch { throw StoreError(error, path: tables.path) }
    raw = statement.sqliteStatement
    path = tables.path
  }

  deinit {
    sqlite3_reset(raw)
    sqlite3_clear_bindings(raw)
  }

  mutating func bind(_ value: Int64?) {
    position += 1
    guard let value else { return bindNull() }
    sqlite3_bind_int64(raw, position, value)
  }

  /// SQLite copies the text before it returns.
  mutating func bind(_ value: String?) {
    position += 1
    guard var value else { return bindNull() }
    value.withUTF8 { octets in
      octets.withMemoryRebound(to: CChar.self) { text in
        _ = sqlite3_bind_text(raw, position, text.baseAddress ?? emptyText, CInt(text.count), transient)
      }
    }
  }

  /// SQLite copies the bytes before it returns.
  mutating func bind(_ value: [UInt8]?) {
    position += 1
    guard let value else { return bindNull() }
    value.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress, !bytes.isEmpty {
        _ = sqlite3_bind_blob(raw, position, base, CInt(bytes.count), transient)
      } else {
        _ = sqlite3_bind_zeroblob(raw, position, 0)
      }
    }
  }

  private func bindNull() { sqlite3_bind_null(raw, position) }

  /// Goes to the next row.
  ///
  /// - Returns: False at the end.
  func step() throws -> Bool {
    switch sqlite3_step(raw) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw StoreError(connection: sqlite3_db_handle(raw), path: path)
    }
  }

  /// Runs a statement that returns no rows.
  func run() throws {
    while try step() {}
  }

  func isNull(_ column: CInt) -> Bool { sqlite3_column_type(raw, column) == SQLITE_NULL }

  func int(_ column: CInt) -> Int64 { sqlite3_column_int64(raw, column) }

  func optionalInt(_ column: CInt) -> Int64? { isNull(column) ? nil : int(column) }

  func text(_ column: CInt) -> String {
    guard let text = sqlite3_column_text(raw, column) else { return "" }
    let count = Int(sqlite3_column_bytes(raw, column))
    return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
  }

  func optionalText(_ column: CInt) -> String? { isNull(column) ? nil : text(column) }

  func bytes(_ column: CInt) -> [UInt8] {
    guard let bytes = sqlite3_column_blob(raw, column) else { return [] }
    let count = Int(sqlite3_column_bytes(raw, column))
    return Array(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  func optionalBytes(_ column: CInt) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
}

/// Tells SQLite to copy what it is given.
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
private nonisolated(unsafe) let emptyText: UnsafePointer<CChar> = {
  let text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  text.initialize(to: 0)
  return UnsafePointer(text)
}()
