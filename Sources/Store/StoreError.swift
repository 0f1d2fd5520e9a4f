/// Why the store itself cannot do what it was asked. What the rules refuse is a `Refusal`.
package enum StoreError: Error, Sendable, Hashable {
  /// Another process has the data directory.
  case inUse(directory: String, process: Int32?)
  /// The database was written by a newer program.
  case newerSchema(found: Int, known: Int, program: String)
  /// The directory or a file in it cannot be written.
  case notWritable(path: String, reason: String)
  /// The file is no database of ours, or it is damaged.
  case corrupt(path: String, reason: String)
  /// No room on the disk. Nothing of the transaction was kept; later ones may succeed.
  case diskFull(path: String)
  /// The disk failed. Whether the transaction was kept is unknown until the next start, so the store
  /// takes no more writes.
  case failed(reason: String)
  /// More transactions wait than the queue holds.
  case busy(waiting: Int)
  case closed
  /// Another process keeps the database locked for longer than we wait.
  case locked(path: String)
  /// A write would break the store's own rules; a mistake in this program. Nothing was written.
  case inconsistent(reason: String)
  /// A stored value cannot be read; a mistake in this program or its predecessor.
  case unreadable(what: String)
  /// A backup would overwrite something.
  case exists(path: String)
}

extension StoreError: CustomStringConvertible {
  /// What an operator reads after the program's name.
  package var description: String {
    switch self {
    case .inUse(let directory, let process):
      "\(directory) is in use by process \(process.map(String.init) ?? "unknown"). One region per data directory."
    case .newerSchema(let found, let known, let program):
      "database is schema \(found), this program (\(program)) knows up to \(known). "
        + "Install a newer one, or restore a backup; nothing was changed."
    case .notWritable(let path, let reason):
      "\(path) cannot be written: \(reason). Give the region's user a directory of its own there."
    case .corrupt(let path, let reason):
      "\(path) is damaged or no database of a region: \(reason). Restore a backup; nothing was changed."
    case .diskFull(let path): "no space left for \(path). Free some; nothing of the request was kept."
    case .failed(let reason): "the disk failed (\(reason)). Check it and start the region again."
    case .busy(let waiting): "\(waiting) writes are waiting. Try again."
    case .locked(let path): "another program keeps \(path) locked. End it."
    case .inconsistent(let reason): "the write would break the store: \(reason)."
    case .closed: "the region is shutting down."
    case .unreadable(let what): "stored \(what) cannot be read."
    case .exists(let path): "\(path) exists. Choose another file."
    }
  }
}
