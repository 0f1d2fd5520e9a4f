/// Decorrelated jitter (Brooker, "Exponential Backoff And Jitter"): each wait is drawn between the base and three times
/// the last one, so that ten thousand agents that lost one region do not come back in step.
package struct Backoff: Sendable, Hashable {
  package let base: Duration
  package let cap: Duration
  private var last: Duration

  package init(base: Duration = .milliseconds(500), cap: Duration = .seconds(10)) {
    self.base = base
    self.cap = cap
    last = base
  }

  /// The next wait.
  ///
  /// - Parameter random: Uniform over all of `UInt64`.
  package mutating func next(random: UInt64) -> Duration {
    let fraction = Double(random >> 11) / Double(1 << 53)
    let span = last * 3 - base
    last = min(cap, base + span * fraction)
    return last
  }

  /// After a success.
  package mutating func reset() {
    last = base
  }
}
