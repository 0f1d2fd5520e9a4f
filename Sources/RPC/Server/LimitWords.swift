internal import HTTP2

/// The values of limits as text.
enum LimitWords {
  static let off = "off"

  static func size(_ word: String) -> Int? {
    scaled(word, [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)])
  }

  static func size(_ sizeBytes: Int) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where sizeBytes != 0 && sizeBytes % (1 << shift) == 0 {
      return "\(sizeBytes >> shift)\(unit)"
    }
    return "\(sizeBytes)"
  }

  static func duration(_ word: String) -> Duration? {
    // Longest first: `ms` ends in `s`.
    scaled(word, [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]).map { .milliseconds($0) }
  }

  static func duration(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] as [(String, Int64)]
    where milliseconds != 0 && milliseconds % size == 0 {
      return "\(milliseconds / size)\(unit)"
    }
    return "\(milliseconds)ms"
  }

  static func rate(_ word: String) -> RateLimit? {
    guard word.hasSuffix("/s") else { return nil }
    let parts = word.dropLast(2).split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count == 2, let burst = number(parts[0]), let perSecond = number(parts[1]) else { return nil }
    return RateLimit(burst: burst, perSecond: perSecond)
  }

  static func rate(_ rate: RateLimit) -> String { "\(rate.burst)+\(rate.perSecond)/s" }

  private static func scaled(_ word: String, _ units: [(String, Int)]) -> Int? {
    let digits = word.prefix { $0.isASCII && $0.isNumber }
    guard let number = number(digits), let unit = units.first(where: { word.dropFirst(digits.count) == $0.0 }) else {
      return nil
    }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit.1)
    // Far beyond every range, and far enough from the ends of Int for any sum.
    return overflow || value > 1 << 53 ? nil : value
  }

  private static func number(_ digits: Substring) -> Int? {
    digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
  }
}
