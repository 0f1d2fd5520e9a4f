/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"): the same seed, the same numbers.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A generator of its own, so that one part's draws do not shift another's.
  package mutating func fork() -> SplitMix64 { SplitMix64(seed: next()) }

  /// True once in `count` times.
  package mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

  /// Uniform in the range, to the microsecond.
  package mutating func duration(_ range: ClosedRange<Duration>) -> Duration {
    let low = range.lowerBound.wholeNanoseconds / 1_000
    let high = range.upperBound.wholeNanoseconds / 1_000
    return .microseconds(Int64.random(in: low...high, using: &self))
  }
}
