import Testing

@testable import HTTP2

@Suite struct TokenBucketTests {
  @Test func aBurstIsAllowedAndThenNoMore() {
    var bucket = TokenBucket(RateLimit(burst: 3, perSecond: 1), now: 0)
    #expect((0..<4).map { _ in bucket.take(now: 0) } == [true, true, true, false])
  }

  @Test func timeRefillsTheBucket() {
    var bucket = TokenBucket(RateLimit(burst: 1, perSecond: 2), now: 0)
    #expect([0, 499_000_000, 1_000_000_000].map { bucket.take(now: $0) } == [true, false, true])
  }

  @Test func refillingStopsAtTheBurst() {
    var bucket = TokenBucket(RateLimit(burst: 2, perSecond: 1_000), now: 0)
    for _ in 0..<2 { _ = bucket.take(now: 0) }
    let later: UInt64 = 3_600_000_000_000_000
    #expect((0..<3).map { _ in bucket.take(now: later) } == [true, true, false])
  }

  @Test func creditIsEarnedUpToTheBurst() {
    var bucket = TokenBucket(RateLimit(burst: 2, perSecond: 0), now: 0)
    for _ in 0..<2 { _ = bucket.take(now: 0) }
    bucket.credit(5)
    #expect((0..<3).map { _ in bucket.take(now: 0) } == [true, true, false])
  }

  @Test func millisecondsBeginAnewAfter49Days() {
    let beforeTheEnd = (UInt64(UInt32.max) - 10) * 1_000_000
    var bucket = TokenBucket(RateLimit(burst: 1, perSecond: 100), now: beforeTheEnd)
    let times = [beforeTheEnd, beforeTheEnd + 9_000_000, beforeTheEnd + 20_000_000]
    #expect(times.map { bucket.take(now: $0) } == [true, false, true])
  }

  @Test func limitsBeyondWhatIsCountedAreNearlyNone() {
    var bucket = TokenBucket(RateLimit(burst: .max, perSecond: .max), now: 0)
    #expect((0..<10_000).map { _ in bucket.take(now: 0) }.allSatisfy { $0 })
    bucket.credit(.max)
    #expect([UInt64.max].map { bucket.take(now: $0) } == [true])
  }
}
