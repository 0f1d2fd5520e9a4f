package import Provisioning

extension Timestamp {
  /// How long ago `earlier` was.
  package func age(since earlier: Timestamp) -> Age {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return Age(seconds: overflow ? 0 : difference / 1_000_000_000)
  }
}
