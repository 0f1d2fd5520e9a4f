internal import GRDB
internal import Provisioning
internal import Synchronization

/// What the agent remembers across its own death: the feeds it received, what is served, its identity, and the
/// enlistments that nobody took yet.
///
/// One SQLite file, WAL, `synchronous=FULL`: what a method has done when it returns survives kill -9 and a power loss; if
/// it throws, nothing changed. The whole content but the spool is held in memory too, so reads touch no disk. Methods
/// block for a sync of the disk and may be called from any thread.
package final class Mirror: Sendable {
  /// The newest content.
  package var content: MirrorContent { state.withLock { $0.content } }

  let path: String
  private let database: DatabaseQueue
  private let state: Mutex<State>

  private struct State {
    var content: MirrorContent
    var staged: [DHCPSubnetID: StagedFeed] = [:]
  }

  /// Opens or makes the file at `path`, which nobody else may read; makes no directories.
  package init(path: String) throws(MirrorError) {
    self.path = path
    try MirrorFile.secure(path)
    var configuration = GRDB.Configuration()
    configuration.journalMode = .wal
    configuration.label = "mirror"
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = FULL")
    }
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration)
      guard try !database.read({ try MirrorSchema.migrator.hasBeenSuperseded($0) }) else {
        throw MirrorError.newerSchema(path: path)
      }
      try MirrorSchema.migrator.migrate(database)
      let content = try database.read { try MirrorContent(reading: $0) }
      self.database = database
      state = Mutex(State(content: content))
    } catch let error as MirrorError {
      throw error
    } catch {
      throw MirrorError(error, path: path)
    }
  }

  /// Runs `body` on a copy of the content and the staged deltas; keeps the copy once `body`'s writes are durable.
  func change<Value: Sendable>(
    _ body: (inout MirrorContent, inout [DHCPSubnetID: StagedFeed], Database) throws -> Value
  ) throws(MirrorError) -> Value {
    do {
      return try state.withLock { state in
        var next = state
        let value = try database.write { db in try body(&next.content, &next.staged, db) }
        state = next
        return value
      }
    } catch {
      throw MirrorError(error, path: path)
    }
  }

  /// Changes what needs no disk.
  func changeStaged<Value: Sendable>(_ body: (MirrorContent, inout [DHCPSubnetID: StagedFeed]) -> Value) -> Value {
    state.withLock { body($0.content, &$0.staged) }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws(MirrorError) -> Value {
    do { return try database.read(body) } catch { throw MirrorError(error, path: path) }
  }
}
