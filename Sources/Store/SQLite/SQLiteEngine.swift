internal import GRDB
internal import Provisioning
internal import Synchronization

/// The database behind a store, and what runs on its connections. Every method blocks.
final class SQLiteEngine: Sendable {
  let environment: StoreEnvironment
  let database: any DatabaseWriter
  private let path: String
  private let shared = Mutex(Shared())

  private struct Shared {
    var observers: [@Sendable (CommitNotice) -> Void] = []
    /// Set once the disk failed; no write is tried after that.
    var failure: StoreError?
    /// How many batches ran; the log's size is looked at now and then.
    var batches = 0
  }

  /// How long to wait for another program's lock, in seconds.
  static let lockWaitSeconds = 5.0
  /// The log is copied into the database when it has this many pages of 4 KiB.
  static let checkpointPages = 4_096
  /// The log grows to about this many octets under readers that never pause: 256 MiB.
  static let logOctetsMax = 256 << 20
  /// The log's size is looked at after so many batches.
  static let logCheckBatches = 64
  /// The log keeps at most this many octets after it was copied: 64 MiB.
  static let logOctetsKept = 64 << 20
  /// The writer's page cache, in KiB.
  static let writerCacheKiB = 65_536

  /// - Throws: `StoreError`; nothing was changed.
  init(path: String, environment: StoreEnvironment) throws {
    self.path = path
    self.environment = environment
    let version = try Schema.inspect(path: path, program: environment.program)
    do {
      let pool = try DatabasePool(path: path, configuration: Self.configuration())
      database = pool
      if version > 0, version < Schema.known {
        try Self.copy(pool, to: "\(path).schema-\(version).\(environment.now().nanoseconds).backup")
      }
      try setUp(from: version)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  init(inMemory environment: StoreEnvironment) throws {
    path = ":memory:"
    self.environment = environment
    do {
      database = try DatabaseQueue(configuration: Self.configuration())
      try setUp(from: 0)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    // One more than the lane has, for backups and checks.
    configuration.maximumReaderCount = SQLiteStore.readersMax + 1
    configuration.busyMode = .timeout(lockWaitSeconds)
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA temp_store = MEMORY")
    }
    return configuration
  }

  private func setUp(from version: Int) throws {
    try database.writeWithoutTransaction { db in
      // GRDB sets NORMAL when it turns the log on; a commit has to survive power loss.
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA cache_size = -\(Self.writerCacheKiB)")
      try db.execute(sql: "PRAGMA wal_autocheckpoint = \(Self.checkpointPages)")
      // A log that one long read let grow gives its room back.
      try db.execute(sql: "PRAGMA journal_size_limit = \(Self.logOctetsKept)")
      try Schema.migrate(db, from: version, path: path)
      let connection = SQLiteConnection(db, path: path)
      try connection.begin()
      do {
        try Schema.furnish(SQLiteTables(db, path: path), environment: environment)
        try connection.commit()
      } catch {
        connection.rollback()
        throw error
      }
    }
  }

  func observe(_ observer: @escaping @Sendable (CommitNotice) -> Void) {
    shared.withLock { $0.observers.append(observer) }
  }

  func perform(_ jobs: [WriteJob]) {
    if let failure = shared.withLock({ $0.failure }) {
      for job in jobs { job.refuse(failure) }
      return
    }
    let failure = database.unsafeWrite { db in
      let failure = WriteBatch.run(jobs, on: SQLiteConnection(db, path: path)) { notice in
        for observer in shared.withLock({ $0.observers }) { observer(notice) }
      }
      boundLog(db)
      return failure
    }
    if let failure { shared.withLock { $0.failure = $0.failure ?? failure } }
  }

  /// SQLite starts its log anew only at a moment without readers. If such a moment never came, wait for
  /// one: readers that begin meanwhile do not need the log's old part.
  private func boundLog(_ db: Database) {
    let isDue = shared.withLock { shared in
      shared.batches += 1
      return shared.batches % Self.logCheckBatches == 0
    }
    guard isDue, DirectoryLock.size(ofFile: path + "-wal") > Self.logOctetsMax else { return }
    // It waits as long as for a lock. If it fails, the next check tries again; what is committed is.
    do { try db.execute(sql: "PRAGMA wal_checkpoint(RESTART)") } catch {}
  }

  func perform(_ jobs: [ReadJob]) {
    for job in jobs {
      // The body's own errors went to its caller; what is thrown here came before or after it.
      var isAnswered = false
      do {
        try database.read { db in
          job.run(SQLiteTables(db, path: path))
          isAnswered = true
        }
      } catch {
        if !isAnswered { job.refuse(StoreError(error, path: path)) }
      }
    }
  }

  func backUp(to path: String) throws {
    do { try Self.copy(database, to: path) } catch { throw StoreError(error, path: path) }
  }

  /// Copies the database to a new file and marks the copy as one.
  private static func copy(_ database: any DatabaseWriter, to path: String) throws {
    guard !DirectoryLock.exists(path) else { throw StoreError.exists(path: path) }
    let copy = try DatabaseQueue(path: path)
    try database.backup(to: copy)
    try copy.writeWithoutTransaction { db in
      // The copy is one file: without its log it is whole, and it can be moved.
      try db.execute(sql: "PRAGMA journal_mode = DELETE")
      try db.execute(sql: "PRAGMA synchronous = EXTRA")
      try SQLiteTables(db, path: path).setMeta(Schema.restoredKey, [1])
    }
    try copy.close()
  }

  /// Puts a backup in the place of a database that nobody has open. What was there is kept beside it, its log
  /// included: a log that outlived its database would be applied to the backup.
  ///
  /// - Returns: The name under which the database that was there is kept; nil if there was none.
  /// - Throws: `StoreError`; if the backup is none, nothing was changed.
  static func restore(from backup: String, to path: String, environment: StoreEnvironment) throws -> String? {
    guard DirectoryLock.exists(backup) else { throw StoreError.corrupt(path: backup, reason: "there is no such file") }
    guard try Schema.inspect(path: backup, program: environment.program) > 0 else {
      throw StoreError.corrupt(path: backup, reason: "it holds nothing")
    }
    do {
      var configuration = Configuration()
      configuration.readonly = true
      let source = try DatabaseQueue(path: backup, configuration: configuration)
      let problems = try source.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(10)") }
      guard problems == ["ok"] else {
        throw StoreError.corrupt(path: backup, reason: problems.joined(separator: "; "))
      }
      let kept = DirectoryLock.exists(path) ? "\(path).replaced-\(environment.now().nanoseconds)" : nil
      if let kept {
        for suffix in ["-wal", "-shm", ""] where DirectoryLock.exists(path + suffix) {
          try DirectoryLock.rename(path + suffix, to: kept + suffix)
        }
      }
      try copy(source, to: path)
      return kept
    } catch {
      throw StoreError(error, path: backup)
    }
  }

  func checkIntegrity() throws {
    do {
      let problems = try database.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(10)") }
      guard problems == ["ok"] else { throw StoreError.corrupt(path: path, reason: problems.joined(separator: "; ")) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  func close() {
    // What was acknowledged is durable; a database that does not close cleanly is recovered next time. A closed one is
    // one file, as people who copy it by hand believe.
    do { try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") } } catch {}
    do { try database.close() } catch {}
  }
}

extension DatabaseWriter {
  /// `writeWithoutTransaction` for a body that throws nothing.
  fileprivate func unsafeWrite<Value>(_ body: (Database) -> Value) -> Value {
    writeWithoutTransaction { body($0) }
  }
}
