/// The world's clock for code that takes a `Clock`; a task that sleeps by it must run on `process`.
struct VirtualClock: Clock {
  let process: SimulatedProcess

  struct Instant: InstantProtocol {
    var elapsed: Duration

    func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
    func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
    static func < (a: Instant, b: Instant) -> Bool { a.elapsed < b.elapsed }
  }

  var now: Instant { Instant(elapsed: process.world.now) }
  var minimumResolution: Duration { .nanoseconds(1) }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try await process.sleep(for: deadline.elapsed - process.world.now)
  }
}
