internal import Logging
internal import MetricsText

/// What `GET /metrics` gives: everything that swift-metrics counts in this process, as Prometheus' text.
///
/// What is a state rather than a count is measured when somebody asks, so that it costs nothing while nobody does.
package struct MetricsPage: Sendable {
  private let counted: TextMetrics
  private let process = ProcessMeter()
  private let measure: @Sendable () async throws -> Void
  private let log: Logger

  init(_ counted: TextMetrics, log: Logger, measure: @escaping @Sendable () async throws -> Void) {
    self.counted = counted
    self.log = log
    self.measure = measure
  }

  /// Measures and gives all series. What cannot be measured keeps its last value, and is logged.
  func text() async -> String {
    do {
      try process.measure()
      try await measure()
    } catch {
      log.warning("not everything could be measured", metadata: ["error": "\(error)"])
    }
    return counted.text()
  }
}
