internal import Glibc
package import Provisioning

/// The two clocks the agent reads. The simulation brings its own.
package protocol Timekeeper: Sendable {
  /// Since some moment before the process began; runs on while the machine sleeps (CLOCK_BOOTTIME).
  var elapsed: Duration { get }
  /// UTC; may jump.
  var wall: Timestamp { get }
  /// - Throws: `CancellationError`.
  func sleep(for duration: Duration) async throws
}

/// The clocks of the machine.
package struct SystemTimekeeper: Timekeeper {
  private let origin = ContinuousClock.now

  package init() {}

  package var elapsed: Duration { ContinuousClock.now - origin }

  package var wall: Timestamp {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Timestamp(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
  }

  package func sleep(for duration: Duration) async throws {
    try await Task.sleep(for: duration, clock: .continuous)
  }
}
