/// A block of IPv4 addresses, `10.1.0.0/22`; the bits after the prefix are zero, by its type.
package struct IPv4Prefix: Hashable, Sendable {
  package let network: IPv4Address
  /// Bits that all addresses of the block share, 0 to 32.
  package let length: Int

  package init(network: IPv4Address, length: Int) throws(IPv4PrefixError) {
    guard (0...32).contains(length) else { throw .malformed }
    let mask = IPv4Prefix.mask(length)
    guard network.bits & ~mask == 0 else {
      throw .hostBits(IPv4Prefix(masking: network, length: length))
    }
    self.network = network
    self.length = length
  }

  /// The block of that length which holds `address`.
  package init(masking address: IPv4Address, length: Int) {
    precondition((0...32).contains(length), "a prefix has 0 to 32 bits")
    network = IPv4Address(bits: address.bits & IPv4Prefix.mask(length))
    self.length = length
  }

  package init(_ text: String) throws(IPv4PrefixError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[1].utf8.count),
      parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let length = Int(parts[1])
    else { throw .malformed }
    let network: IPv4Address
    do { network = try IPv4Address(String(parts[0])) } catch { throw .malformed }
    try self.init(network: network, length: length)
  }

  /// The last address of the block.
  package var broadcast: IPv4Address { IPv4Address(bits: network.bits | ~IPv4Prefix.mask(length)) }

  package var netmask: IPv4Address { IPv4Address(bits: IPv4Prefix.mask(length)) }

  package var range: AddressRange { AddressRange(first: network, last: broadcast) }

  package func contains(_ address: IPv4Address) -> Bool {
    address.bits & IPv4Prefix.mask(length) == network.bits
  }

  package func overlaps(_ other: IPv4Prefix) -> Bool {
    contains(other.network) || other.contains(network)
  }

  private static func mask(_ length: Int) -> UInt32 {
    length == 0 ? 0 : UInt32.max << UInt32(32 - length)
  }
}

extension IPv4Prefix: Comparable {
  /// By network, then the wider block first.
  package static func < (a: IPv4Prefix, b: IPv4Prefix) -> Bool {
    (a.network, a.length) < (b.network, b.length)
  }
}

extension IPv4Prefix: CustomStringConvertible {
  package var description: String { "\(network)/\(length)" }
}

extension IPv4Prefix: ExpressibleByStringLiteral {
  /// For prefixes written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text is not a prefix.
package enum IPv4PrefixError: Error, Sendable, Hashable, CustomStringConvertible {
  case malformed
  /// Bits after the prefix are set; the block they probably mean.
  case hostBits(IPv4Prefix)

  package var description: String {
    switch self {
    case .malformed: "is not a prefix"
    case .hostBits: "is an address inside a prefix, not a prefix"
    }
  }

  package var fix: String {
    switch self {
    case .malformed: "write an address and a length, as in 10.1.0.0/22"
    case .hostBits(let meant): "write \(meant)"
    }
  }
}
