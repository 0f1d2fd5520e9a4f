/// What happened, in order: a hash over everything, the last lines for a report, and every line as it comes if somebody
/// listens. Two runs of one seed have the same hash, or the simulation is not deterministic.
package struct Trace {
  /// FNV-1a, 64 bits.
  package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  package private(set) var count = 0
  private var recent: [String] = []
  private var next = 0
  private let listener: ((String) -> Void)?

  /// Lines that a report of a failure shows.
  static let recentMax = 400

  init(listener: ((String) -> Void)?) {
    self.listener = listener
  }

  /// The last lines, oldest first.
  package var tail: [String] { Array(recent[next...] + recent[..<next]) }

  mutating func note(_ time: Duration, _ who: String, _ what: String) {
    count += 1
    mix(UInt64(bitPattern: time.wholeNanoseconds))
    for byte in who.utf8 { mix(byte) }
    mix(0x1F as UInt8)
    for byte in what.utf8 { mix(byte) }
    let line = "\(Self.text(time)) \(who): \(what)"
    listener?(line)
    guard recent.count == Self.recentMax else {
      recent.append(line)
      return
    }
    recent[next] = line
    next = (next + 1) % Self.recentMax
  }

  /// A step leaves no line, but which task ran when is part of the run.
  mutating func mix(_ value: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  private mutating func mix(_ byte: UInt8) {
    hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  /// Seconds and microseconds since the start: "12.034567".
  static func text(_ time: Duration) -> String {
    let microseconds = time.wholeNanoseconds / 1_000
    let fraction = "\(microseconds % 1_000_000)"
    return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
  }
}
