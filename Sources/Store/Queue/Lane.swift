internal import Synchronization

/// A bounded queue of work of one kind, with a bounded number of workers that drain it.
///
/// A worker takes all that waits, up to `batchMax`, so work that arrives while one batch runs forms
/// the next: that is the whole of group commit.
final class Lane<Work: Sendable>: Sendable {
  private struct State {
    var waiting: [Work] = []
    var workers = 0
    var isClosed = false
    var closers: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  private let executor: any StoreExecutor
  private let workersMax: Int
  private let batchMax: Int
  private let waitingMax: Int
  private let perform: @Sendable ([Work]) -> Void

  init(
    executor: any StoreExecutor, workersMax: Int, batchMax: Int, waitingMax: Int,
    perform: @escaping @Sendable ([Work]) -> Void
  ) {
    self.executor = executor
    self.workersMax = workersMax
    self.batchMax = batchMax
    self.waitingMax = waitingMax
    self.perform = perform
  }

  /// - Throws: `StoreError.busy` or `.closed`; the work is not taken.
  func submit(_ work: Work) throws(StoreError) {
    let needsWorker = try state.withLock { state throws(StoreError) -> Bool in
      if state.isClosed { throw .closed }
      guard state.waiting.count < waitingMax else { throw .busy(waiting: state.waiting.count) }
      state.waiting.append(work)
      guard state.workers < workersMax else { return false }
      state.workers += 1
      return true
    }
    if needsWorker { executor.run { self.drain() } }
  }

  private func drain() {
    while let batch = take() { perform(batch) }
  }

  private func take() -> [Work]? {
    let (batch, closers) = state.withLock { state -> ([Work]?, [CheckedContinuation<Void, Never>]) in
      guard !state.waiting.isEmpty else {
        state.workers -= 1
        guard state.isClosed, state.workers == 0 else { return (nil, []) }
        defer { state.closers = [] }
        return (nil, state.closers)
      }
      if state.waiting.count <= batchMax {
        defer { state.waiting = [] }
        return (state.waiting, [])
      }
      defer { state.waiting.removeFirst(batchMax) }
      return (Array(state.waiting.prefix(batchMax)), [])
    }
    for closer in closers { closer.resume() }
    return batch
  }

  /// Takes no more work and returns once all that was taken is done.
  func close() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state -> Bool in
        state.isClosed = true
        guard state.workers > 0 else { return true }
        state.closers.append(continuation)
        return false
      }
      if isIdle { continuation.resume() }
    }
  }
}
