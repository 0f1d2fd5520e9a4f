internal import NIOCore

/// What a connection keeps time by while it has calls. Made when the first needs it, and kept: a connection that had no call yet
/// is a hundred octets smaller.
final class CallTimers {
  /// When the first of the running calls has to be ended.
  var deadline: (due: ContinuousClock.Instant, timer: Scheduled<Void>)?
  var stall: StallWatch
  var stallTimer: Scheduled<Void>?

  init(stallTimeout: TimeAmount?) {
    stall = StallWatch(timeout: stallTimeout)
  }

  /// - Returns: Whether the timer of the deadlines rings by then; if not, it is cancelled.
  func rings(by due: ContinuousClock.Instant) -> Bool {
    guard let deadline else { return false }
    if deadline.due <= due { return true }
    deadline.timer.cancel()
    return false
  }

  func cancel() {
    deadline?.timer.cancel()
    stallTimer?.cancel()
  }
}
