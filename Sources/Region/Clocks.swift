package import Provisioning

/// The two clocks of the region: one that people read, and one that never runs backwards.
package struct Clocks: Sendable {
  /// UTC; may jump. For records only, never for deciding how long something took.
  package let now: @Sendable () -> Timestamp
  /// Nanoseconds since some start, counting through suspension (CLOCK_BOOTTIME). Liveness is judged by it.
  package let uptime: @Sendable () -> Int64
  /// Returns when that many nanoseconds have passed, or throws when the task is cancelled.
  package let sleep: @Sendable (_ nanoseconds: Int64) async throws -> Void

  package init(
    now: @escaping @Sendable () -> Timestamp, uptime: @escaping @Sendable () -> Int64,
    sleep: @escaping @Sendable (Int64) async throws -> Void
  ) {
    self.now = now
    self.uptime = uptime
    self.sleep = sleep
  }
}
