internal import Provisioning
internal import Synchronization

/// How much each of many may do at a time: a token bucket a key. What is over the cap is put off or counted, never
/// queued.
///
/// A budget is read before a transaction and what was used is taken after its commit, so that a transaction that runs
/// again costs once.
package final class RateGate<Key: Hashable & Sendable>: Sendable {
  private struct Bucket {
    var tokens: Int
    var refilled: Int64
  }

  private let buckets = Mutex<[Key: Bucket]>([:])
  private let burstMax: Int
  private let refillNanoseconds: Int64

  /// Keys that are remembered; beyond that the full ones, which say nothing, are forgotten.
  static var keysMax: Int { 100_000 }

  /// - Parameters:
  ///   - burstMax: Tokens of a full bucket.
  ///   - refill: Time from one token to the next afterwards; more than zero.
  package init(burstMax: Int, refill: Duration) {
    precondition(burstMax > 0 && refill > .zero)
    self.burstMax = burstMax
    refillNanoseconds = refill.nanoseconds
  }

  /// What each of the keys may use now.
  func budget(for keys: some Sequence<Key>, uptime: Int64) -> [Key: Int] {
    buckets.withLock { buckets in
      if buckets.count > Self.keysMax { buckets = buckets.filter { $0.value.tokens < burstMax } }
      var budget: [Key: Int] = [:]
      for key in keys {
        var bucket = buckets[key] ?? Bucket(tokens: burstMax, refilled: uptime)
        let refill = (uptime - bucket.refilled) / refillNanoseconds
        if refill > 0 {
          bucket.tokens = min(burstMax, bucket.tokens + Int(clamping: refill))
          bucket.refilled += refill * refillNanoseconds
        }
        buckets[key] = bucket
        budget[key] = bucket.tokens
      }
      return budget
    }
  }

  func take(_ taken: [Key: Int]) {
    buckets.withLock { buckets in
      for (key, count) in taken { buckets[key]?.tokens -= count }
    }
  }
}

/// The caps on what agents bring.
package struct AgentCaps: Sendable {
  /// Unknown machines of a subnet. A hall that is switched on passes; a flood of made-up MACs does not fill the store.
  let enlistments = RateGate<DHCPSubnetID>(burstMax: enlistmentsBurstMax, refill: .milliseconds(100))
  /// Events about leases and boots of an agent. A hall that boots passes; a rack that repeats itself does not push the
  /// history of the others out.
  let events = RateGate<AgentName>(burstMax: eventsBurstMax, refill: .milliseconds(20))
  /// Words about a cap that was hit, by agent.
  let notices = RateGate<AgentName>(burstMax: 1, refill: .seconds(60))

  /// Machines at once; then 10 a second.
  package static let enlistmentsBurstMax = 1_000
  /// Events at once; then 50 a second.
  package static let eventsBurstMax = 20_000
}
