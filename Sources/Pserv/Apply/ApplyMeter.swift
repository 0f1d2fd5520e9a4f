internal import Metrics
internal import Provisioning

/// Counts what applying costs and how it fares.
///
/// One process is one rack; several racks of a test count together.
struct ApplyMeter: Sendable {
  private let applies = Counter(label: "muster_pserv_applies")
  private let failures = Counter(label: "muster_pserv_apply_failures")
  private let reloads = Counter(label: "muster_pserv_reloads")
  /// How long the DHCP server answered nobody.
  private let silence = Timer(label: "muster_pserv_silence_seconds")

  func count(_ report: ApplyReport) {
    applies.increment()
    if report.failure != nil { failures.increment() }
    guard report.didReload else { return }
    reloads.increment()
    silence.recordNanoseconds(report.silence.nanoseconds)
  }
}
