/// How long something has lasted, in its one unit that matters: `4s`, `3m`, `2h`, `5d`.
///
/// Messages and tables show ages, so that nobody has to subtract times of day at three in the morning.
package struct Age: Sendable, Hashable, CustomStringConvertible {
  /// Never negative: a clock that was set back makes an age of zero.
  package let seconds: Int64

  package init(seconds: Int64) {
    self.seconds = max(0, seconds)
  }

  package init(_ duration: Duration) {
    self.init(seconds: duration.components.seconds)
  }

  package var description: String {
    switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3_600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3_600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}
