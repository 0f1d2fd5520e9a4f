internal import Synchronization

/// Wakes one task, any number of raises at a time: what is waiting is state, the signal only says "look again".
package final class Signal: Sendable {
  private struct State {
    var isRaised = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  package init() {}

  /// Wakes the waiter, or lets the next `wait` return at once.
  package func raise() {
    let waiter = state.withLock { state in
      let waiter = state.waiter
      state.waiter = nil
      if waiter == nil { state.isRaised = true }
      return waiter
    }
    waiter?.resume()
  }

  /// Returns after a raise since the last return, or when the task is cancelled. One task waits at a time.
  package func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          precondition(state.waiter == nil, "one task waits for a signal")
          guard !state.isRaised, !Task.isCancelled else {
            state.isRaised = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      raise()
    }
  }

  /// As `wait`, but also returns after `timeout`; `nil` waits without end.
  package func wait(atMost timeout: Duration?, _ time: any Timekeeper) async {
    guard let timeout else { return await wait() }
    guard timeout > .zero else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait() }
      group.addTask { do { try await time.sleep(for: timeout) } catch {} }
      await group.next()
      group.cancelAll()
    }
  }
}
