import RPC
import Testing

@testable import LoadHarness

struct LoadReportTests {
  @Test func aReportReadsLikeThis() {
    let report = LoadReport(
      succeeded: 985, failed: ["UNAVAILABLE": 3, "ABORTED": 12], skipped: 7, elapsed: .milliseconds(2_500),
      latency: .init(p50: 812, p90: 1_400, p99: 9_001, p999: 15_003, max: 15_103))
    #expect(
      report.text == """
        calls    1000 in 2.5s, 400.0/s
        ok       985
        failed   12 ABORTED
        failed   3 UNAVAILABLE
        skipped  7: more than 50000 calls were under way
        latency  p50 812 µs, p90 1400 µs, p99 9001 µs, p99.9 15003 µs, max 15103 µs
        """)
    #expect(!report.isClean)
  }

  @Test func aCleanReportHasNoLineForWhatDidNotHappen() {
    let report = LoadReport(
      succeeded: 1, failed: [:], skipped: 0, elapsed: .zero, latency: .init(p50: 1, p90: 1, p99: 1, p999: 1, max: 1))
    #expect(report.isClean)
    #expect(report.text.split(separator: "\n").map { $0.prefix(7) } == ["calls  ", "ok     ", "latency"])
  }

  @Test func percentilesAreOfTheCallsThatSucceeded() {
    let collector = LoadCollector()
    for number in 1...1_000 {
      #expect(collector.begin(limit: 1))
      collector.end(number % 10 == 0 ? .unavailable : .ok, latency: number % 10 == 0 ? .seconds(60) : .microseconds(number))
    }
    let report = collector.report(elapsed: .seconds(1))
    #expect(report.succeeded == 900)
    #expect(report.failed == ["UNAVAILABLE": 100])
    // Three significant digits.
    #expect(abs(Int(report.latency.p50) - 500) <= 2)
    #expect(abs(Int(report.latency.p99) - 990) <= 2)
    #expect(report.latency.max <= 1_000)
  }

  @Test func whatTakesLongerThanTheHistogramHoldsCountsAsItsEnd() {
    let collector = LoadCollector()
    #expect(collector.begin(limit: 1))
    collector.end(.ok, latency: .seconds(10_000))
    let max = collector.report(elapsed: .seconds(1)).latency.max
    #expect(max >= LoadCollector.latencyMax && max < LoadCollector.latencyMax * 1_001 / 1_000)
  }

  @Test func whatIsNotStartedIsCounted() {
    let collector = LoadCollector()
    #expect(collector.begin(limit: 2))
    #expect(collector.begin(limit: 2))
    #expect(!collector.begin(limit: 2))
    collector.end(.ok, latency: .zero)
    #expect(collector.begin(limit: 2))
    #expect(collector.report(elapsed: .zero).skipped == 1)
  }
}
