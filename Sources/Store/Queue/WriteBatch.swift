internal import Provisioning

/// A connection on which batches of transactions run. All calls come from one thread at a time.
protocol WriteConnection {
  var tables: any Tables { get }
  /// False once the engine gave up the transaction by itself, as SQLite may when the disk is full.
  var isInTransaction: Bool { get }
  func begin() throws
  func commit() throws
  func rollback()
  func beginSavepoint() throws
  func releaseSavepoint() throws
  /// Undoes what happened since `beginSavepoint` and ends it.
  func undoSavepoint() throws
}

/// One transaction that waits for its turn.
struct WriteJob: Sendable {
  /// Runs the body and returns what came of it; throws nothing, for the answer waits for the commit.
  let run: @Sendable (any Tables) -> Executed
  /// Answers the caller without running the body.
  let refuse: @Sendable (StoreError) -> Void

  struct Executed {
    /// What to tell, `nil` if the body's writes have to be undone.
    let notice: CommitNotice?
    /// What the engine failed with, if it did.
    let failure: StoreError?
    /// Answers the caller: with what the body returned or threw, or with why the commit failed.
    let answer: (StoreError?) -> Void
  }
}

/// Runs several transactions in one commit.
enum WriteBatch {
  /// Runs `jobs` in order, each in a savepoint, commits once, tells `committed`, then answers all.
  ///
  /// - Returns: What went wrong with the disk, if it makes further writes unsafe.
  static func run(
    _ jobs: [WriteJob], on connection: some WriteConnection, committed: (CommitNotice) -> Void
  ) -> StoreError? {
    var executed: [WriteJob.Executed] = []
    do {
      let notice = try perform(jobs, on: connection, &executed)
      if !notice.isEmpty { committed(notice) }
      for each in executed { each.answer(nil) }
      return nil
    } catch {
      connection.rollback()
      let failure = error as? StoreError ?? .failed(reason: "\(error)")
      for each in executed { each.answer(failure) }
      for job in jobs.dropFirst(executed.count) { job.refuse(failure) }
      return failure.isFinal ? failure : nil
    }
  }

  private static func perform(
    _ jobs: [WriteJob], on connection: some WriteConnection, _ executed: inout [WriteJob.Executed]
  ) throws -> CommitNotice {
    var notice = CommitNotice()
    try connection.begin()
    for job in jobs {
      try connection.beginSavepoint()
      let result = job.run(connection.tables)
      executed.append(result)
      // The engine gave up: the batch is gone, whatever the body made of it.
      guard connection.isInTransaction else {
        throw result.failure ?? StoreError.failed(reason: "the transaction ended by itself")
      }
      if let failure = result.failure, failure.isFinal { throw failure }
      if let own = result.notice {
        try connection.releaseSavepoint()
        notice.merge(own)
      } else {
        try connection.undoSavepoint()
      }
    }
    try connection.commit()
    return notice
  }
}

extension StoreError {
  /// True if nobody can tell what the disk holds, so that only a restart helps.
  var isFinal: Bool {
    switch self {
    case .failed, .corrupt: true
    default: false
    }
  }
}
