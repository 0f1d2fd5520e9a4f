import GRDB
import Provisioning
import Testing

@testable import Store

/// A connection that fails where a test says.
private final class BrittleConnection: WriteConnection {
  let tables: any Tables
  var isInTransaction = false
  var log: [String] = []
  var commitFailure: StoreError?
  var beginFailure: StoreError?
  /// The engine gives up during the job of this number, from 1.
  var losesTransactionInJob = 0
  private var job = 0

  init(_ tables: any Tables) { self.tables = tables }

  func begin() throws {
    if let beginFailure { throw beginFailure }
    isInTransaction = true
    log.append("begin")
  }

  func commit() throws {
    if let commitFailure { throw commitFailure }
    isInTransaction = false
    log.append("commit")
  }

  func rollback() {
    guard isInTransaction else { return }
    isInTransaction = false
    log.append("rollback")
  }

  func beginSavepoint() throws {
    job += 1
    log.append("savepoint")
    if job == losesTransactionInJob { isInTransaction = false }
  }

  func releaseSavepoint() throws { log.append("release") }
  func undoSavepoint() throws { log.append("undo") }
}

@Suite struct WriteBatchTests {
  private struct Refused: Error {}

  /// Runs jobs that succeed, refuse or fail as `outcomes` says; returns the answers and the verdict.
  private func run(
    _ outcomes: [StoreError?], refusing: Set<Int> = [], _ prepare: (BrittleConnection) -> Void
  ) throws -> (answers: [String], log: [String], final: StoreError?, committed: Int) {
    let answers = Locked([String](repeating: "none", count: outcomes.count))
    @Sendable func answer(_ index: Int, _ text: String) {
      answers.withLock { answers in
        #expect(answers[index] == "none", "answered twice")
        answers[index] = text
      }
    }
    let jobs = outcomes.enumerated().map { index, failure in
      WriteJob(
        run: { _ in
          var notice = CommitNotice()
          notice.events = true
          let own = failure.map { "\($0.isFinal ? "final" : "failed")" } ?? (refusing.contains(index) ? "refused" : nil)
          return WriteJob.Executed(notice: own == nil ? notice : nil, failure: failure) { error in
            answer(index, own ?? (error == nil ? "ok" : "lost"))
          }
        },
        refuse: { _ in answer(index, "not run") })
    }
    return try DatabaseQueue().inDatabase { db in
      let connection = BrittleConnection(SQLiteTables(db, path: ""))
      prepare(connection)
      var committed = 0
      let final = WriteBatch.run(jobs, on: connection) { _ in committed += 1 }
      #expect(!connection.isInTransaction)
      return (answers.withLock { $0 }, connection.log, final, committed)
    }
  }

  @Test func jobsShareOneCommitAndTheRefusedAreUndone() throws {
    let result = try run([nil, nil, nil], refusing: [1]) { _ in }
    #expect(result.answers == ["ok", "refused", "ok"])
    #expect(
      result.log == ["begin", "savepoint", "release", "savepoint", "undo", "savepoint", "release", "commit"])
    #expect(result.committed == 1 && result.final == nil)
  }

  @Test func nobodyIsToldOKWhenTheCommitFails() throws {
    let full = try run([nil, nil]) { $0.commitFailure = .diskFull(path: "x") }
    #expect(full.answers == ["lost", "lost"])
    #expect(full.log.last == "rollback" && full.committed == 0 && full.final == nil)
    let broken = try run([nil]) { $0.commitFailure = .failed(reason: "EIO") }
    #expect(broken.answers == ["lost"] && broken.final == .failed(reason: "EIO"))
  }

  @Test func nobodyRunsWhenTheTransactionCannotBegin() throws {
    let result = try run([nil, nil]) { $0.beginFailure = .locked(path: "x") }
    #expect(result.answers == ["not run", "not run"])
    #expect(result.log.isEmpty && result.final == nil)
  }

  /// SQLite may roll back everything when the disk is full; later bodies must not run without a
  /// transaction around them.
  @Test func whenTheEngineGivesUpTheWholeBatchIsLost() throws {
    let result = try run([nil, nil, nil]) { $0.losesTransactionInJob = 2 }
    #expect(result.answers == ["lost", "lost", "not run"])
    #expect(result.committed == 0)
  }

  @Test func aBrokenDiskStopsTheBatchAndAFullOneDoesNot() throws {
    let broken = try run([nil, .failed(reason: "EIO"), nil]) { _ in }
    #expect(broken.answers == ["lost", "final", "not run"])
    #expect(broken.final == .failed(reason: "EIO"))
    let full = try run([nil, .diskFull(path: "x"), nil]) { _ in }
    #expect(full.answers == ["ok", "failed", "ok"])
    #expect(full.final == nil)
  }
}
