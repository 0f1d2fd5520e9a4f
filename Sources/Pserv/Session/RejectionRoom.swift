internal import Provisioning
internal import Wire

/// Room for rejections in one message: all subnets of a Hello share it. Each row takes at most 45 octets besides its
/// words, so a full room and what else a message carries stay under the 4 MiB of a message.
struct RejectionRoom {
  /// Rows of one message; as session.proto says.
  static let rowsMax = Rejection.countMax
  /// For the words of all rows together. With 10,000 rows each has 209 octets.
  static let wordsOctetsMax = 2 << 20

  private var rows = rowsMax
  private var octets = wordsOctetsMax

  /// The rows that fit, with their words cut if need be, and how many do not.
  mutating func take(_ rejected: [RejectedBinding]) -> (named: [MusterV1.Rejection], more: UInt32) {
    let fitting = rejected.prefix(rows)
    let share = min(RejectionReason.octetsMax, octets / max(1, fitting.count))
    let named = fitting.map { MusterV1.Rejection($0, wordsOctetsMax: share) }
    rows -= named.count
    octets -= named.reduce(0) { $0 + $1.message.utf8.count }
    return (named, UInt32(clamping: rejected.count - named.count))
  }
}

extension MusterV1.Rejection {
  fileprivate init(_ rejected: RejectedBinding, wordsOctetsMax: Int) {
    self.init()
    mac = rejected.binding.mac.bits
    code = rejected.reason.code.rawValue
    let words = rejected.reason.words
    message = words.utf8.count <= wordsOctetsMax ? words : printable(words, octetsMax: max(0, wordsOctetsMax - 3))
  }
}
