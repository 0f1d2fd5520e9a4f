internal import GRDB

/// Why the mirror cannot be used. Nothing of the attempted change was kept.
package enum MirrorError: Error, Sendable, Hashable, CustomStringConvertible {
  case cannotOpen(path: String, words: String)
  case readOnly(path: String)
  case diskFull(path: String)
  case damaged(path: String, words: String)
  /// The file was written by a newer program.
  case newerSchema(path: String)
  case failed(path: String, words: String)

  package var description: String {
    switch self {
    case .cannotOpen(let path, let words): "cannot open \(path): \(words). Does the directory exist, and may this user write it?"
    case .readOnly(let path): "\(path) cannot be written. Give this user the right to write it and its directory."
    case .diskFull(let path): "no space is left for \(path). Free some; what is served goes on being served."
    case .damaged(let path, let words):
      "\(path) is damaged (\(words)). Move it away: the agent gets its rows from the region again. It keeps its identity only with a new enrolment token."
    case .newerSchema(let path):
      "\(path) was written by a newer muster-pserv. Install that version or a newer one; nothing was changed."
    case .failed(let path, let words): "\(path): \(words)"
    }
  }

  init(_ error: any Error, path: String) {
    guard let error = error as? DatabaseError else {
      self = .damaged(path: path, words: "\(error)")
      return
    }
    switch error.resultCode {
    case .SQLITE_FULL: self = .diskFull(path: path)
    case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(path: path)
    case .SQLITE_CANTOPEN: self = .cannotOpen(path: path, words: error.message ?? "cannot open")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, words: error.message ?? "corrupt")
    default: self = .failed(path: path, words: error.message ?? "\(error.resultCode)")
    }
  }
}
