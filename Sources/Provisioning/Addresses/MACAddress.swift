/// The 48-bit address of one network interface: unicast and not zero, by its type.
package struct MACAddress: Hashable, Sendable {
  /// The address in the low 48 bits; the first octet is the most significant.
  package let bits: UInt64

  /// - Throws: `MACAddressError` if `bits` is no address that a single interface can have.
  package init(bits: UInt64) throws(MACAddressError) {
    guard bits <= 0xffff_ffff_ffff else { throw .malformed }
    guard bits != 0 else { throw .zero }
    guard bits != 0xffff_ffff_ffff else { throw .broadcast }
    guard bits & 0x0100_0000_0000 == 0 else { throw .multicast }
    self.bits = bits
  }

  /// Reads six pairs of hexadecimal digits with `:` or `-` between them, one kind throughout.
  package init(_ text: String) throws(MACAddressError) {
    var bits: UInt64 = 0
    var position = 0
    var separator: UInt8?
    for byte in text.utf8 {
      guard position < 17 else { throw .malformed }
      if position % 3 == 2 {
        guard byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-"), separator ?? byte == byte else {
          throw .malformed
        }
        separator = byte
      } else {
        guard let digit = hexDigit(byte) else { throw .malformed }
        bits = bits << 4 | UInt64(digit)
      }
      position += 1
    }
    guard position == 17 else { throw .malformed }
    try self.init(bits: bits)
  }

  /// The six octets in transmission order.
  package var octets: [UInt8] {
    (0..<6).map { UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * $0)) }
  }
}

extension MACAddress: Comparable {
  package static func < (a: MACAddress, b: MACAddress) -> Bool { a.bits < b.bits }
}

extension MACAddress: CustomStringConvertible {
  /// Six pairs of lower-case digits with colons.
  package var description: String {
    octets.map { hexPair($0) }.joined(separator: ":")
  }

  /// Twelve lower-case digits without separators, as in names of enlisted nodes.
  package var compactText: String {
    octets.map { hexPair($0) }.joined()
  }
}

extension MACAddress: ExpressibleByStringLiteral {
  /// For addresses written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text or number is not the address of one interface.
package enum MACAddressError: Error, Sendable, Hashable, CustomStringConvertible {
  case malformed, zero, broadcast, multicast

  package var description: String {
    switch self {
    case .malformed: "is not a MAC address"
    case .zero: "is the all-zero MAC address"
    case .broadcast: "is the broadcast MAC address"
    case .multicast: "is a multicast MAC address"
    }
  }

  package var fix: String {
    switch self {
    case .malformed: "write six pairs of hex digits"
    case .zero, .broadcast, .multicast: "write the interface's own address"
    }
  }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

func hexPair(_ byte: UInt8) -> String {
  let text = String(byte, radix: 16)
  return byte < 16 ? "0" + text : text
}
