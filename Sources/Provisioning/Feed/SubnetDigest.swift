/// Proves that two sides hold the same rows: the sum, modulo 2^128, of `RowHash` over a subnet's
/// header and all its bindings. Addition makes it independent of the order and cheap to change:
/// a row that changes takes its old hash out and puts its new one in.
package struct SubnetDigest: Hashable, Sendable {
  package private(set) var bits: UInt128

  /// The digest of no rows.
  package static let zero = SubnetDigest(bits: 0)
  /// Names the encoding and the hash. Both sides of a session must have the same; see `RowHash`.
  package static let version: UInt32 = 1

  package init(bits: UInt128) {
    self.bits = bits
  }

  package init(high: UInt64, low: UInt64) {
    bits = UInt128(high) << 64 | UInt128(low)
  }

  package var high: UInt64 { UInt64(truncatingIfNeeded: bits >> 64) }
  package var low: UInt64 { UInt64(truncatingIfNeeded: bits) }

  package mutating func insert(_ row: RowHash) { bits &+= row.bits }
  package mutating func remove(_ row: RowHash) { bits &-= row.bits }

  /// The digest of a whole set, for whoever has all of it at hand.
  package init(header: SubnetHeader, bindings: some Sequence<Binding>) {
    self = .zero
    insert(RowHash(header))
    for binding in bindings { insert(RowHash(binding)) }
  }
}

extension SubnetDigest: CustomStringConvertible {
  /// 32 hex digits.
  package var description: String {
    let text = String(bits, radix: 16)
    return String(repeating: "0", count: 32 - text.count) + text
  }
}
