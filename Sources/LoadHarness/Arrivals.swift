internal import Glibc

/// When the operations of a run start: instants that are fixed before the run, so that a slow region cannot slow down its
/// own load (an open loop). Latencies count from these instants, also of an operation that the harness began late; a
/// stall then shows in every operation that fell into it ("coordinated omission", Gil Tene).
package struct Arrivals: Sendable, Hashable {
  package enum Pattern: Sendable, Hashable {
    /// One every 1/rate seconds.
    case even
    /// Independent of each other, `rate` a second in the mean: a Poisson process, as many operators make together.
    case random(seed: UInt64)
  }

  /// Operations a second, 1 to `Workload.rateMax`.
  package let rate: Int
  package let pattern: Pattern
  private var random: UInt64 = 0
  private var index = 0
  /// Nanoseconds from the start of the run to the last start, with fractions that add up.
  private var elapsed = 0.0

  package init(rate: Int, pattern: Pattern = .even) {
    self.rate = rate
    self.pattern = pattern
    if case .random(let seed) = pattern { random = seed }
  }
}

extension Arrivals: Sequence, IteratorProtocol {
  /// The next start, from the start of the run. Never ends, never goes back.
  package mutating func next() -> Duration? {
    switch pattern {
    case .even:
      defer { index += 1 }
      return .nanoseconds(Int64(index) * 1_000_000_000 / Int64(rate))
    case .random:
      // The first start is a gap after the run's, as all are: the process has no beginning.
      elapsed += -log(uniform()) * 1e9 / Double(rate)
      return .nanoseconds(Int64(elapsed))
    }
  }

  /// In (0, 1], 53 bits.
  private mutating func uniform() -> Double {
    // SplitMix64.
    random &+= 0x9E37_79B9_7F4A_7C15
    var z = random
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Double((z >> 11) + 1) / Double(1 << 53)
  }
}
