package typealias NodeID = Identifier<NodeKind>
package typealias SubnetID = Identifier<SubnetKind>
package typealias AgentID = Identifier<AgentKind>
package typealias ProfileID = Identifier<ProfileKind>

/// The permanent identity of a resource: a UUID of version 7 (RFC 9562 §5.7). Names come and go,
/// an identifier is never given to another resource.
package struct Identifier<Kind: ResourceKind>: Hashable, Sendable {
  package let bits: UInt128

  /// For identifiers read back from where they were stored.
  package init(bits: UInt128) {
    self.bits = bits
  }

  /// A new identifier: 48 bits of Unix milliseconds, 74 random bits.
  package init(at time: Timestamp, random: (UInt64, UInt64)) {
    let milliseconds = UInt128(UInt64(clamping: time.nanoseconds / 1_000_000) & 0xffff_ffff_ffff)
    let high = UInt128(random.0 & 0x0fff)
    let low = UInt128(random.1 & 0x3fff_ffff_ffff_ffff)
    bits = milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low
  }

  package init(_ text: String) throws(UUIDTextError) {
    bits = try parseUUID(text)
  }
}

extension Identifier: Comparable {
  /// By age.
  package static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }
}

extension Identifier: CustomStringConvertible {
  package var description: String { uuidText(bits) }
}

/// A text that is not a UUID in the form of RFC 9562 §4.
package struct UUIDTextError: Error, Sendable, Hashable, CustomStringConvertible {
  package var description: String { "is not a UUID" }
  package var fix: String { "write 8-4-4-4-12 hex digits" }
}

func parseUUID(_ text: String) throws(UUIDTextError) -> UInt128 {
  var bits: UInt128 = 0
  var position = 0
  for byte in text.utf8 {
    if position == 8 || position == 13 || position == 18 || position == 23 {
      guard byte == UInt8(ascii: "-") else { throw UUIDTextError() }
    } else {
      guard position < 36, let digit = hexDigit(byte) else { throw UUIDTextError() }
      bits = bits << 4 | UInt128(digit)
    }
    position += 1
  }
  guard position == 36 else { throw UUIDTextError() }
  return bits
}

func uuidText(_ bits: UInt128) -> String {
  var text = ""
  text.reserveCapacity(36)
  for octet in 0..<16 {
    if octet == 4 || octet == 6 || octet == 8 || octet == 10 { text += "-" }
    text += hexPair(UInt8(truncatingIfNeeded: bits >> UInt128(120 - 8 * octet)))
  }
  return text
}
