public import CoreMetrics
internal import Synchronization

/// A backend for swift-metrics that keeps everything in the process and gives it as text, in Prometheus' format.
///
/// ```swift
/// let metrics = TextMetrics()
/// MetricsSystem.bootstrap(metrics)
/// print(metrics.text())
/// ```
///
/// Counters and gauges are one atomic each. Timers and recorders are summaries: a sum and a count.
public final class TextMetrics: MetricsFactory {
  /// Label and dimensions together name a series.
  struct Name: Hashable {
    var label: String
    var dimensions: [Dimension]

    struct Dimension: Hashable {
      var name: String
      var value: String
    }

    init(_ label: String, _ dimensions: [(String, String)]) {
      self.label = label
      self.dimensions = dimensions.map { Dimension(name: $0.0, value: $0.1) }
    }
  }

  enum Series: Sendable {
    case counter(TextCounter)
    case gauge(TextGauge)
    case summary(TextSummary)
  }

  /// Series beyond it are not kept: a label made of what peers send must not fill the memory.
  public static let seriesMax = 10_000

  private let series = Mutex<[Name: Series]>([:])

  public init() {}

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let new = TextCounter()
    return if case .counter(let kept) = keep(label, dimensions, .counter(new)) { kept } else { new }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions)
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    // What is not aggregated is swift-metrics' `Gauge`.
    guard aggregate else { return gauge(label, dimensions) }
    let new = TextSummary(unit: 1)
    return if case .summary(let kept) = keep(label, dimensions, .summary(new)) { kept } else { new }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let new = TextSummary(unit: 1_000_000_000)
    return if case .summary(let kept) = keep(label, dimensions, .summary(new)) { kept } else { new }
  }

  // Series live as long as the process: whoever reads them expects counters to stay.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  /// All series, sorted by name.
  public func text() -> String {
    let series = series.withLock { $0 }
    let sorted = series.map { (name: $0.key, text: $0.key.dimensionsText, series: $0.value) }
      .sorted { ($0.name.label, $0.text) < ($1.name.label, $1.text) }
    var result = ""
    var last = ""
    for (name, dimensions, series) in sorted {
      if name.label != last { result += "# TYPE \(name.label) \(series.type)\n" }
      last = name.label
      switch series {
      case .counter(let counter): result += "\(name.label)\(dimensions) \(counter.value)\n"
      case .gauge(let gauge): result += "\(name.label)\(dimensions) \(gauge.value)\n"
      case .summary(let summary):
        result += "\(name.label)_sum\(dimensions) \(summary.sum)\n\(name.label)_count\(dimensions) \(summary.count)\n"
      }
    }
    return result
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> TextGauge {
    let new = TextGauge()
    return if case .gauge(let kept) = keep(label, dimensions, .gauge(new)) { kept } else { new }
  }

  /// The series of that name, which is `new` if there was none.
  private func keep(_ label: String, _ dimensions: [(String, String)], _ new: Series) -> Series {
    let name = Name(label, dimensions)
    return series.withLock { series in
      if let known = series[name] { return known }
      if series.count < TextMetrics.seriesMax { series[name] = new }
      return new
    }
  }
}

extension TextMetrics.Name {
  /// `{method="muster.v1.Nodes/Get"}`, or nothing.
  fileprivate var dimensionsText: String {
    if dimensions.isEmpty { return "" }
    let parts = dimensions.map { dimension in
      let value = dimension.value.flatMap { character in
        switch character {
        case "\\": "\\\\"
        case "\"": "\\\""
        case "\n": "\\n"
        default: String(character)
        }
      }
      return "\(dimension.name)=\"\(String(value))\""
    }
    return "{\(parts.joined(separator: ","))}"
  }
}

extension TextMetrics.Series {
  fileprivate var type: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .summary: "summary"
    }
  }
}
