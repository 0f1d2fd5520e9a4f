/// How often something may happen: `burst` at once, and `perSecond` in the long run.
public struct RateLimit: Sendable, Hashable {
  public var burst: Int
  public var perSecond: Int

  public init(burst: Int, perSecond: Int) {
    self.burst = burst
    self.perSecond = perSecond
  }
}

/// Counts events against a `RateLimit`. Time comes from outside, in nanoseconds of a monotonic clock.
package struct TokenBucket {
  // Small, for a connection has fourteen of them.
  private let burst, perSecond: UInt32
  /// In millionths of an event, so that slow refills do not round to nothing.
  private var level: Int
  private var refilledAt: UInt64

  package init(_ limit: RateLimit, now: UInt64) {
    burst = UInt32(clamping: limit.burst)
    perSecond = UInt32(clamping: limit.perSecond)
    level = Int(burst) * TokenBucket.scale
    self.refilledAt = now
  }

  /// Takes one event's worth.
  ///
  /// - Returns: Whether the limit still holds.
  package mutating func take(now: UInt64) -> Bool {
    // Refilling needs a multiplication and a division; with tokens left neither is needed.
    if level < TokenBucket.scale { refill(now: now) }
    guard level >= TokenBucket.scale else { return false }
    level -= TokenBucket.scale
    return true
  }

  /// Earns events, for example window updates by the data that causes them. Never above the burst.
  mutating func credit(_ events: Int) {
    level = min(level + events * TokenBucket.scale, Int(burst) * TokenBucket.scale)
  }

  private mutating func refill(now: UInt64) {
    guard now > refilledAt else { return }
    // Beyond an hour any bucket is full; the cap keeps the product within Int.
    let elapsed = Int(min(now - refilledAt, 3_600_000_000_000)) / 1_000
    level = min(level + elapsed * Int(perSecond), Int(burst) * TokenBucket.scale)
    refilledAt = now
  }

  private static let scale = 1_000_000
}
