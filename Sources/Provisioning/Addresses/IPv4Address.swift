/// An IPv4 address.
package struct IPv4Address: Hashable, Sendable {
  /// The address as a number; the first octet is the most significant.
  package var bits: UInt32

  package init(bits: UInt32) {
    self.bits = bits
  }

  /// Reads four decimal octets with dots. Leading zeros are refused: some programs read them as
  /// octal.
  package init(_ text: String) throws(IPv4AddressError) {
    var bits: UInt32 = 0
    var octet: UInt32 = 0
    var digits = 0
    var dots = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: ".") {
        guard digits > 0, dots < 3 else { throw .malformed }
        bits = bits << 8 | octet
        (octet, digits, dots) = (0, 0, dots + 1)
      } else {
        guard let digit = hexDigit(byte), digit < 10, digits == 0 || octet != 0 else { throw .malformed }
        octet = octet * 10 + UInt32(digit)
        digits += 1
        guard octet < 256 else { throw .malformed }
      }
    }
    guard digits > 0, dots == 3 else { throw .malformed }
    self.bits = bits << 8 | octet
  }

  /// The address after this one, or `nil` after 255.255.255.255.
  package var next: IPv4Address? { bits == .max ? nil : IPv4Address(bits: bits + 1) }

  /// The address before this one, or `nil` before 0.0.0.0.
  package var previous: IPv4Address? { bits == 0 ? nil : IPv4Address(bits: bits - 1) }

  /// True for addresses that a host on a link can have: not in 0/8, 127/8 or 224/3 (RFC 1122 §3.2.1.3).
  package var isHost: Bool {
    let first = bits >> 24
    return first != 0 && first != 127 && first < 224
  }
}

extension IPv4Address: Comparable {
  package static func < (a: IPv4Address, b: IPv4Address) -> Bool { a.bits < b.bits }
}

extension IPv4Address: CustomStringConvertible {
  package var description: String {
    "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
  }
}

extension IPv4Address: ExpressibleByStringLiteral {
  /// For addresses written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text is not an IPv4 address.
package enum IPv4AddressError: Error, Sendable, Hashable, CustomStringConvertible {
  case malformed

  package var description: String { "is not an IPv4 address" }
  package var fix: String { "write four numbers from 0 to 255 with dots, without leading zeros" }
}
