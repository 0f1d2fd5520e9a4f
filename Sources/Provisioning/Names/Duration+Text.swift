extension Duration {
  /// In whole nanoseconds, rounded towards zero.
  package var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// As people say it: `300ms`, `4s`, `3m`, `2h`, `5d`; the largest unit that is not zero.
  package var spoken: String {
    let milliseconds = nanoseconds / 1_000_000
    return switch milliseconds {
    case ..<1_000: "\(milliseconds)ms"
    case ..<60_000: "\(milliseconds / 1_000)s"
    case ..<3_600_000: "\(milliseconds / 60_000)m"
    case ..<86_400_000: "\(milliseconds / 3_600_000)h"
    default: "\(milliseconds / 86_400_000)d"
    }
  }
}
