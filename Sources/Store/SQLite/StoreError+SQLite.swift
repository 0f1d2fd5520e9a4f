internal import GRDB
internal import GRDBSQLite

extension StoreError {
  /// Why the last call on a connection failed.
  init(connection: OpaquePointer?, path: String) {
    let code = sqlite3_extended_errcode(connection)
    let message = sqlite3_errmsg(connection).map { String(cString: $0) } ?? "unknown"
    self.init(code: code, message: message, path: path)
  }

  /// What GRDB threw.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case let error as DatabaseError:
      self.init(code: error.extendedResultCode.rawValue, message: error.message ?? "unknown", path: path)
    default: self = .failed(reason: "\(error)")
    }
  }

  private init(code: CInt, message: String, path: String) {
    switch code & 0xff {
    case SQLITE_FULL: self = .diskFull(path: path)
    case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(path: path, reason: message)
    case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: self = .notWritable(path: path, reason: message)
    case SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_RANGE, SQLITE_MISUSE, SQLITE_ERROR, SQLITE_SCHEMA, SQLITE_TOOBIG:
      self = .inconsistent(reason: message)
    case SQLITE_BUSY, SQLITE_LOCKED: self = .locked(path: path)
    default: self = .failed(reason: "\(message), code \(code)")
    }
  }
}
