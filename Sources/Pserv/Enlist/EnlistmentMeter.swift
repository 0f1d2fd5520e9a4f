internal import Provisioning

/// Caps how many unknown machines one link may report: a token bucket for each subnet. A hall that is powered on at once
/// enlists over some minutes, and a loop in somebody's image fills no spool.
struct EnlistmentMeter: Sendable, Hashable {
  /// Machines that may come at once.
  static let burst = 120
  /// Between two machines in the long run.
  static let interval: Duration = .seconds(1)

  private struct Bucket: Sendable, Hashable {
    var tokens: Int
    var since: Duration
  }

  private var buckets: [DHCPSubnetID: Bucket] = [:]

  /// `nil` if one more may come; else how long to wait.
  mutating func admit(_ subnet: DHCPSubnetID, now: Duration) -> Duration? {
    var bucket = buckets[subnet] ?? Bucket(tokens: Self.burst, since: now)
    let gained = Int((now - bucket.since) / Self.interval)
    if gained > 0 {
      bucket.tokens = min(Self.burst, bucket.tokens + gained)
      bucket.since += Self.interval * gained
    }
    defer { buckets[subnet] = bucket }
    guard bucket.tokens > 0 else { return bucket.since + Self.interval - now }
    if bucket.tokens == Self.burst { bucket.since = now }
    bucket.tokens -= 1
    return nil
  }
}
