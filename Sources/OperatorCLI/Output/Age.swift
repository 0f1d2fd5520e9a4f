package import RPC

/// Durations as people read them: the largest unit that fits, `4s 3m 2h 5d`.
package enum Age {
  package static func text(nanoseconds: Int64) -> String {
    let seconds = max(0, nanoseconds / 1_000_000_000)
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3600: return "\(seconds / 60)m"
    case ..<86_400: return "\(seconds / 3600)h"
    default: return "\(seconds / 86_400)d"
    }
  }

  /// With one decimal below ten seconds: `0.3s`, `12s`, `1m02s`.
  package static func precise(nanoseconds: Int64) -> String {
    let tenths = max(0, nanoseconds) / 100_000_000
    if tenths < 100 { return "\(tenths / 10).\(tenths % 10)s" }
    let seconds = tenths / 10
    if seconds < 60 { return "\(seconds)s" }
    let rest = seconds % 60
    return "\(seconds / 60)m\(rest < 10 ? "0" : "")\(rest)s"
  }

  package static func text(since time: GoogleProtobuf.Timestamp?, now: Int64) -> String {
    guard let time else { return "" }
    return text(nanoseconds: now - time.nanosecondsSince1970)
  }
}

extension GoogleProtobuf.Timestamp {
  var nanosecondsSince1970: Int64 { seconds &* 1_000_000_000 &+ Int64(nanos) }

  init(nanosecondsSince1970 value: Int64) {
    self.init()
    seconds = value / 1_000_000_000
    nanos = Int32(value % 1_000_000_000)
  }

  /// RFC 3339 in UTC, whole seconds.
  var text: String {
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let clock = seconds - days * 86_400
    let (year, month, day) = Self.civil(fromDays: days)
    return "\(Self.pad(year, 4))-\(Self.pad(month, 2))-\(Self.pad(day, 2))T"
      + "\(timeOfDay(clock))Z"
  }

  /// `03:09:02`, UTC.
  var timeText: String {
    let clock = ((seconds % 86_400) + 86_400) % 86_400
    return timeOfDay(clock)
  }

  private func timeOfDay(_ clock: Int64) -> String {
    "\(Self.pad(clock / 3600, 2)):\(Self.pad(clock / 60 % 60, 2)):\(Self.pad(clock % 60, 2))"
  }

  private static func pad(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Days since 1970-01-01 to the proleptic Gregorian calendar, after Howard Hinnant's `civil_from_days`.
  private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
