internal import GRDB

/// A store in one SQLite file: write-ahead log, synced at every commit, one writer whose commits many
/// transactions share, readers that wait for nobody.
package final class SQLiteStore: RegionStore {
  let engine: SQLiteEngine
  private let lock: DirectoryLock?
  private let writes: Lane<WriteJob>
  private let reads: Lane<ReadJob>

  /// Readers at a time.
  package static let readersMax = 4
  /// The most transactions in one commit.
  package static let batchMax = 512
  /// The most transactions that wait.
  package static let writesWaitingMax = 16_384
  /// The most reads that wait.
  package static let readsWaitingMax = 16_384

  /// Opens the store in a file, creates it if it is not there, and brings it to the newest schema.
  /// The file's directory is ours alone from then on.
  ///
  /// Blocks; for the start of a program.
  ///
  /// - Throws: `StoreError`; nothing was changed.
  package convenience init(path: String, environment: StoreEnvironment) throws {
    let directory = Self.directory(of: path)
    let lock = try DirectoryLock(directory: directory)
    try DirectoryLock.create(file: path)
    try self.init(try SQLiteEngine(path: path, environment: environment), environment, lock: lock)
    try DirectoryLock.sync(directory: directory)
  }

  /// Puts a backup in the place of a store that no process has open; the next start gives it a new incarnation, so
  /// that agents notice. Blocks.
  ///
  /// - Returns: The file under which the store that was there is kept, with its log beside it; nil if there was none.
  /// - Throws: `StoreError`: `.inUse` while a region runs on it, `.corrupt` when `backup` is none.
  package static func restore(
    from backup: String, to path: String, environment: StoreEnvironment
  ) throws -> String? {
    let directory = directory(of: path)
    let lock = try DirectoryLock(directory: directory)
    defer { lock.release() }
    let kept = try SQLiteEngine.restore(from: backup, to: path, environment: environment)
    try DirectoryLock.sync(directory: directory)
    return kept
  }

  /// A store in memory, for tests and the simulation: the same engine without the file.
  package static func inMemory(environment: StoreEnvironment) throws -> SQLiteStore {
    try SQLiteStore(try SQLiteEngine(inMemory: environment), environment, lock: nil)
  }

  private init(_ engine: SQLiteEngine, _ environment: StoreEnvironment, lock: DirectoryLock?) throws {
    self.engine = engine
    self.lock = lock
    writes = Lane(
      executor: environment.executor, workersMax: 1, batchMax: Self.batchMax, waitingMax: Self.writesWaitingMax
    ) { engine.perform($0) }
    reads = Lane(
      executor: environment.executor, workersMax: Self.readersMax, batchMax: 1, waitingMax: Self.readsWaitingMax
    ) { engine.perform($0) }
  }

  package var leaseClock: LeaseClock { engine.environment.leaseClock }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  package func write<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Value {
    try await submit(body, isRehearsal: false)
  }

  package func rehearse<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Value {
    try await submit(body, isRehearsal: true)
  }

  private func submit<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value, isRehearsal: Bool
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let job = WriteJob(continuation, environment: engine.environment, isRehearsal: isRehearsal, body)
      do throws(StoreError) { try writes.submit(job) } catch { job.refuse(error) }
    }
  }

  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (borrowing Snapshot) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let job = ReadJob(continuation, environment: engine.environment, body)
      do throws(StoreError) { try reads.submit(job) } catch { job.refuse(error) }
    }
  }

  package func observe(_ observer: @escaping @Sendable (CommitNotice) -> Void) { engine.observe(observer) }

  package func backUp(to path: String) async throws {
    try await inReader { engine in try engine.backUp(to: path) }
  }

  package func checkIntegrity() async throws {
    try await inReader { engine in try engine.checkIntegrity() }
  }

  /// Long work of the engine, off the lanes so that it does not hold up readers.
  private func inReader(_ work: @escaping @Sendable (SQLiteEngine) throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      engine.environment.executor.run { [engine] in
        continuation.resume(with: Result { try work(engine) })
      }
    }
  }

  package func close() async {
    await writes.close()
    await reads.close()
    engine.close()
    lock?.release()
  }
}
