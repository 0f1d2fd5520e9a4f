internal import Provisioning
internal import Pserv
internal import Region

/// The clocks of one simulated host. The monotonic one runs with the world's; the wall clock is off by what the host's
/// owner set it to, and may jump.
final class HostClock: @unchecked Sendable {
  let world: World
  /// What the host's wall clock shows beyond the truth.
  var skew: Duration = .zero

  /// The wall clock's truth at the start of every run: 2027-01-15 08:00:00 UTC.
  static let epoch = Timestamp(seconds: 1_800_000_000)

  init(_ world: World) {
    self.world = world
  }

  var wall: Timestamp { Timestamp(nanoseconds: Self.epoch.nanoseconds + (world.now + skew).wholeNanoseconds) }
}

/// The clocks of a host as one process of it reads them.
struct ProcessClock: Timekeeper {
  let process: SimulatedProcess
  let host: HostClock

  var elapsed: Duration { process.world.now }
  var wall: Timestamp { host.wall }
  func sleep(for duration: Duration) async throws { try await process.sleep(for: duration) }

  /// The same for the region.
  var clocks: Clocks {
    Clocks(
      now: { host.wall }, uptime: { process.world.now.wholeNanoseconds },
      sleep: { try await process.sleep(for: .nanoseconds($0)) })
  }
}
