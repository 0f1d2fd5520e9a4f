internal import CLinux
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

  package var wall: Timestamp { Timestamp(nanoseconds: muster_wall_nanoseconds()) }

  package func sleep(for duration: Duration) async throws {
    try await Task.sleep(for: duration, clock: .continuous)
  }
}
