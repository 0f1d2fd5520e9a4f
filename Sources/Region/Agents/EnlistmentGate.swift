internal import Provisioning
internal import Synchronization

/// How many unknown machines each subnet may bring at a time: a token bucket a subnet. A hall that is switched on
/// passes; a flood of made-up MACs does not fill the store.
package final class EnlistmentGate: Sendable {
  private struct Bucket {
    var tokens: Int
    var refilled: Int64
  }

  private let buckets = Mutex<[DHCPSubnetID: Bucket]>([:])

  /// Machines at once.
  package static let burstMax = 1_000
  /// Machines a second afterwards.
  package static let perSecond = 10
  /// Subnets that are remembered; the fullest are forgotten first.
  static let subnetsMax = 100_000

  package init() {}

  /// What each of the subnets may bring now.
  func budget(for subnets: [DHCPSubnetID], uptime: Int64) -> [DHCPSubnetID: Int] {
    buckets.withLock { buckets in
      if buckets.count > Self.subnetsMax { buckets = buckets.filter { $0.value.tokens < Self.burstMax } }
      var budget: [DHCPSubnetID: Int] = [:]
      for subnet in subnets {
        var bucket = buckets[subnet] ?? Bucket(tokens: Self.burstMax, refilled: uptime)
        let refill = (uptime - bucket.refilled) / (1_000_000_000 / Int64(Self.perSecond))
        if refill > 0 {
          bucket.tokens = min(Self.burstMax, bucket.tokens + Int(clamping: refill))
          bucket.refilled = uptime
        }
        buckets[subnet] = bucket
        budget[subnet] = bucket.tokens
      }
      return budget
    }
  }

  func take(_ taken: [DHCPSubnetID: Int]) {
    buckets.withLock { buckets in
      for (subnet, count) in taken { buckets[subnet]?.tokens -= count }
    }
  }
}
