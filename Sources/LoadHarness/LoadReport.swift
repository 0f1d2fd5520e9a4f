internal import Histogram
internal import RPC
internal import Synchronization

/// What the callers of a run saw.
package struct LoadReport: Sendable, Hashable {
  /// Microseconds from the intended start to the answer, of the calls that ended with OK.
  package struct Latency: Sendable, Hashable {
    package var p50: UInt64
    package var p90: UInt64
    package var p99: UInt64
    package var p999: UInt64
    package var max: UInt64
  }

  package var succeeded: Int
  /// By status name; sorted by it.
  package var failed: [String: Int]
  /// Operations the harness did not start because too many were under way.
  package var skipped: Int
  package var elapsed: Duration
  package var latency: Latency

  /// Whether every operation was started and ended with OK.
  package var isClean: Bool { failed.isEmpty && skipped == 0 }

  /// Lines for people, the last without a newline.
  package var text: String {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let total = succeeded + failed.values.reduce(0, +)
    var lines = ["calls    \(total) in \(Self.rounded(seconds))s, \(Self.rounded(Double(total) / max(seconds, 1e-9)))/s"]
    lines.append("ok       \(succeeded)")
    for (name, count) in failed.sorted(by: { $0.key < $1.key }) { lines.append("failed   \(count) \(name)") }
    if skipped > 0 { lines.append("skipped  \(skipped): more than \(LoadLimits.inFlightMax) calls were under way") }
    lines.append(
      "latency  p50 \(latency.p50) µs, p90 \(latency.p90) µs, p99 \(latency.p99) µs, p99.9 \(latency.p999) µs, max \(latency.max) µs")
    return lines.joined(separator: "\n")
  }

  private static func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}

/// Gathers outcomes from many tasks.
final class LoadCollector: Sendable {
  /// Microseconds; what took longer counts as this.
  static let latencyMax: UInt64 = 120_000_000

  private struct State {
    // Two minutes in microseconds at three significant digits: 0.1 % error, about 100 KiB.
    var latencies = Histogram<UInt32>(
      lowestDiscernibleValue: 1, highestTrackableValue: latencyMax, numberOfSignificantValueDigits: .three)
    var failed: [String: Int] = [:]
    var succeeded = 0
    var skipped = 0
    var inFlight = 0
  }
  private let state = Mutex(State())

  /// - Returns: False when `limit` calls are under way; the operation is counted as skipped.
  func begin(limit: Int) -> Bool {
    state.withLock { state in
      guard state.inFlight < limit else {
        state.skipped += 1
        return false
      }
      state.inFlight += 1
      return true
    }
  }

  func end(_ code: StatusCode, latency: Duration) {
    let (seconds, attoseconds) = latency.components
    let microseconds = UInt64(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    state.withLock { state in
      state.inFlight -= 1
      guard code == .ok else {
        state.failed[code.name, default: 0] += 1
        return
      }
      state.succeeded += 1
      state.latencies.record(min(microseconds, Self.latencyMax))
    }
  }

  func report(elapsed: Duration) -> LoadReport {
    state.withLock { state in
      func at(_ percentile: Double) -> UInt64 { state.latencies.valueAtPercentile(percentile) }
      return LoadReport(
        succeeded: state.succeeded, failed: state.failed, skipped: state.skipped, elapsed: elapsed,
        latency: .init(p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: state.latencies.max))
    }
  }
}
