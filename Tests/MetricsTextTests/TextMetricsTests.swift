import CoreMetrics
import MetricsText
import Testing

@Suite struct TextMetricsTests {
  private let metrics = TextMetrics()

  @Test func whatWasCountedIsShown() {
    let counter = Counter(label: "asked", dimensions: [("by", "a \"friend\"")], factory: metrics)
    counter.increment(by: 2)
    #expect(metrics.text() == "# TYPE asked counter\nasked{by=\"a \\\"friend\\\"\"} 2\n")
  }

  @Test func aSeriesIsOneHoweverOftenItIsMade() {
    Counter(label: "asked", factory: metrics).increment()
    Counter(label: "asked", factory: metrics).increment()
    #expect(metrics.text() == "# TYPE asked counter\nasked 2\n")
  }

  @Test func aGaugeShowsItsLastValueWhicheverWayItIsMade() {
    Meter(label: "open", factory: metrics).set(3)
    let gauge = Gauge(label: "held", factory: metrics)
    gauge.record(7)
    gauge.record(5)
    #expect(metrics.text() == "# TYPE held gauge\nheld 5.0\n# TYPE open gauge\nopen 3.0\n")
  }

  @Test func timesAreSummedInSeconds() {
    let timer = Timer(label: "took_seconds", factory: metrics)
    timer.recordNanoseconds(1_500_000_000)
    timer.recordNanoseconds(500_000_000)
    #expect(metrics.text() == "# TYPE took_seconds summary\ntook_seconds_sum 2.0\ntook_seconds_count 2\n")
  }

  @Test func seriesBeyondTheLimitAreCountedNowhere() {
    for number in 0..<TextMetrics.seriesMax { Counter(label: "n", dimensions: [("i", "\(number)")], factory: metrics).increment() }
    Counter(label: "one_more", factory: metrics).increment()
    #expect(!metrics.text().contains("one_more"))
  }
}
