internal import Synchronization

/// Collects topics for one waiter until it asks for them.
///
/// However often a topic is raised while the waiter is busy, it gets it once: that is where a thousand edits become
/// one delta. Memory is bounded by the topics the waiter subscribed to.
package final class WakeSignal<Topic: Hashable & Sendable>: Sendable {
  private struct State {
    var raised: Set<Topic> = []
    var waiter: CheckedContinuation<Void, Never>?
    var isClosed = false
  }

  private let state = Mutex(State())

  package init() {}

  /// Wakes the waiter, or makes its next wait return at once.
  package func raise(_ topic: Topic) {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.isClosed else { return nil }
      state.raised.insert(topic)
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// Ends every wait, now and later.
  package func close() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.isClosed = true
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// What was raised since the last call, without waiting.
  package func takeRaised() -> Set<Topic> {
    state.withLock { state in
      let raised = state.raised
      state.raised = []
      return raised
    }
  }

  /// Waits until something is raised; one waiter at a time.
  ///
  /// - Returns: What was raised since the last call; nil after `close()`.
  /// - Throws: `CancellationError` when the task is cancelled.
  package func next() async throws -> Set<Topic>? {
    while true {
      try await wait()
      let (raised, isClosed) = state.withLock { state in
        let raised = state.raised
        state.raised = []
        return (raised, state.isClosed)
      }
      if !raised.isEmpty { return raised }
      if isClosed { return nil }
    }
  }

  /// Waits until something is raised, or closed, and leaves it to be taken. Who waits for this or for something else
  /// must use it: a wake that a losing task took would be lost.
  ///
  /// - Throws: `CancellationError` when the task is cancelled.
  package func wait() async throws {
    while true {
      try Task.checkCancellation()
      if state.withLock({ !$0.raised.isEmpty || $0.isClosed }) { return }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state -> Bool in
            if !state.raised.isEmpty || state.isClosed || Task.isCancelled { return true }
            precondition(state.waiter == nil, "one waiter at a time")
            state.waiter = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        state.withLock { $0.waiter.take() }?.resume()
      }
    }
  }
}
