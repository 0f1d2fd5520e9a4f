import Testing

@testable import LoadHarness

struct ArrivalsTests {
  @Test func evenStartsAreEvenlySpacedAndDoNotDrift() {
    let starts = Array(Arrivals(rate: 3).prefix(3_001))
    #expect(starts[0] == .zero)
    #expect(starts[1] == .nanoseconds(333_333_333))
    // Rounding does not add up: the thousandth second is on the second.
    #expect(starts[3_000] == .seconds(1_000))
  }

  @Test func theLastOfTheMostOperationsIsOnTime() {
    var arrivals = Arrivals(rate: 1)
    var last: Duration?
    for _ in 0..<1_000 { last = arrivals.next() }
    #expect(last == .seconds(999))
    // The product of index and nanoseconds stays far from the end of 64 bits.
    #expect(Int64.max / 1_000_000_000 > Int64(Workload.countMax))
  }

  @Test func randomStartsAreThoseOfTheirSeed() {
    let some = Array(Arrivals(rate: 100, pattern: .random(seed: 5)).prefix(50))
    #expect(some == Array(Arrivals(rate: 100, pattern: .random(seed: 5)).prefix(50)))
    #expect(some != Array(Arrivals(rate: 100, pattern: .random(seed: 6)).prefix(50)))
  }

  @Test func randomStartsNeverGoBack() {
    let starts = Array(Arrivals(rate: 1_000_000, pattern: .random(seed: 1)).prefix(10_000))
    #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 })
  }

  /// Of a Poisson process: gaps have mean and standard deviation 1/rate, and exceed the mean in 1/e of cases.
  @Test(arguments: [1, 2, 3] as [UInt64]) func randomStartsAreIndependent(seed: UInt64) {
    let starts = Array(Arrivals(rate: 1_000, pattern: .random(seed: seed)).prefix(20_001))
    let gaps = zip(starts, starts.dropFirst()).map { ($1 - $0) / .milliseconds(1) }
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
    #expect(abs(mean - 1) < 0.03)
    #expect(abs(variance - 1) < 0.08)
    #expect(abs(Double(gaps.count { $0 > 1 }) / Double(gaps.count) - 0.3679) < 0.02)
  }
}
