/// `grpc-timeout`: at most eight digits and a unit.
enum Timeout {
  /// - Returns: nil when the value is malformed.
  static func parse(_ octets: UnsafeRawBufferPointer) -> Duration? {
    guard octets.count >= 2, octets.count <= 1 + digitsMax, let unit = octets.last else { return nil }
    var value: Int64 = 0
    for digit in octets.dropLast() {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(value * 3600)
    case UInt8(ascii: "M"): return .seconds(value * 60)
    case UInt8(ascii: "S"): return .seconds(value)
    case UInt8(ascii: "m"): return .milliseconds(value)
    case UInt8(ascii: "u"): return .microseconds(value)
    case UInt8(ascii: "n"): return .nanoseconds(value)
    default: return nil
    }
  }

  /// The finest unit that fits, rounded up so that a server never gives up before its client.
  static func format(_ timeout: Duration) -> String {
    let (seconds, attoseconds) = timeout.components
    guard seconds >= 0, attoseconds >= 0 else { return "0n" }
    if seconds < 100_000 {
      let (nanoseconds, isExact) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
      let exact = seconds * 1_000_000_000 + nanoseconds + (isExact == 0 ? 0 : 1)
      for (unit, size) in [("n", 1), ("u", 1_000), ("m", 1_000_000)] as [(String, Int64)] {
        let value = (exact + size - 1) / size
        if value <= valueMax { return "\(value)\(unit)" }
      }
    }
    if seconds < valueMax { return "\(seconds + 1)S" }
    return "\(min(seconds / 3600 + 1, valueMax))H"
  }

  private static let digitsMax = 8
  private static let valueMax: Int64 = 99_999_999
}
