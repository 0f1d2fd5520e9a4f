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
  /// In thousandths of an event, so that each millisecond earns a whole number of them.
  private var level: UInt32
  /// In milliseconds, which begin anew after 49 days; a bucket that nobody asked for longer than that may earn too little.
  private var refilledAt: UInt32

  package init(_ limit: RateLimit, now: UInt64) {
    burst = min(UInt32(clamping: limit.burst), UInt32.max / TokenBucket.scale)
    perSecond = UInt32(clamping: limit.perSecond)
    level = burst * TokenBucket.scale
    refilledAt = TokenBucket.milliseconds(now)
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
    add(UInt64(UInt32(clamping: events)) * UInt64(TokenBucket.scale))
  }

  private mutating func refill(now: UInt64) {
    let now = TokenBucket.milliseconds(now)
    add(UInt64(now &- refilledAt) * UInt64(perSecond))
    refilledAt = now
  }

  private mutating func add(_ thousandths: UInt64) {
    level = UInt32(min(UInt64(level) + thousandths, UInt64(burst) * UInt64(TokenBucket.scale)))
  }

  private static func milliseconds(_ nanoseconds: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: nanoseconds / 1_000_000)
  }

  private static let scale: UInt32 = 1_000
}
