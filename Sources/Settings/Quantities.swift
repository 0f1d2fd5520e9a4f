extension Duration {
  /// Parses a whole number and one of `ms s m h d`, for example `10s` or `7d`; nil for anything else.
  package init?(setting text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits) else { return nil }
    let millisecondsPerUnit: Int64
    switch text.dropFirst(digits.count) {
    case "ms": millisecondsPerUnit = 1
    case "s": millisecondsPerUnit = 1_000
    case "m": millisecondsPerUnit = 60_000
    case "h": millisecondsPerUnit = 3_600_000
    case "d": millisecondsPerUnit = 86_400_000
    default: return nil
    }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: millisecondsPerUnit)
    // A century; keeps every sum of such durations far inside 64 bits of nanoseconds.
    guard !overflow, milliseconds <= 3_155_760_000_000 else { return nil }
    self = .milliseconds(milliseconds)
  }
}

/// Octets from `4MiB`, `512KiB`, `1GiB` or a bare number; nil for anything else.
package func sizeBytes(setting text: String) -> Int? {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  guard let number = Int(digits) else { return nil }
  let shift: Int
  switch text.dropFirst(digits.count) {
  case "": shift = 0
  case "KiB": shift = 10
  case "MiB": shift = 20
  case "GiB": shift = 30
  default: return nil
  }
  let (value, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
  return overflow ? nil : value
}

/// Octets in the largest unit that divides them: `4MiB`, `512KiB`, `1000`.
package func spoken(sizeBytes: Int) -> String {
  for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where sizeBytes > 0 && sizeBytes & ((1 << shift) - 1) == 0 {
    return "\(sizeBytes >> shift)\(unit)"
  }
  return "\(sizeBytes)"
}
