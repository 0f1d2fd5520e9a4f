/// Consecutive addresses, `10.1.3.0-10.1.3.99`, both ends included.
package struct AddressRange: Hashable, Sendable {
  package let first: IPv4Address
  package let last: IPv4Address

  /// - Precondition: `first <= last`.
  package init(first: IPv4Address, last: IPv4Address) {
    precondition(first <= last, "a range runs upwards")
    self.first = first
    self.last = last
  }

  /// Reads `first-last`, or one address.
  package init(_ text: String) throws(AddressRangeError) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 1 || parts.count == 2 else { throw .malformed }
    let first: IPv4Address
    let last: IPv4Address
    do {
      first = try IPv4Address(String(parts[0]))
      last = parts.count == 2 ? try IPv4Address(String(parts[1])) : first
    } catch {
      throw .malformed
    }
    guard first <= last else { throw .backwards }
    self.init(first: first, last: last)
  }

  /// How many addresses; up to 2^32.
  package var count: Int { Int(last.bits) - Int(first.bits) + 1 }

  package func contains(_ address: IPv4Address) -> Bool { first <= address && address <= last }

  package func contains(_ other: AddressRange) -> Bool { first <= other.first && other.last <= last }

  package func overlaps(_ other: AddressRange) -> Bool { first <= other.last && other.first <= last }
}

extension AddressRange: Comparable {
  package static func < (a: AddressRange, b: AddressRange) -> Bool {
    (a.first, a.last) < (b.first, b.last)
  }
}

extension AddressRange: CustomStringConvertible {
  package var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

extension AddressRange: ExpressibleByStringLiteral {
  /// For ranges written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text is not a range of addresses.
package enum AddressRangeError: Error, Sendable, Hashable, CustomStringConvertible {
  case malformed, backwards

  package var description: String {
    switch self {
    case .malformed: "is not a range of addresses"
    case .backwards: "is a range whose end is before its begin"
    }
  }

  package var fix: String { "write first and last address, as in 10.1.3.0-10.1.3.99" }
}
