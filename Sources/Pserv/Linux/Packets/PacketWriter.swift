/// Appends what packets consist of: numbers in network order, runs of zeros, and sums that are known later. Documents, with
/// their texts and lists, are `ByteWriter`'s.
struct PacketWriter {
  private(set) var bytes: [UInt8] = []

  mutating func uint8(_ value: UInt8) { bytes.append(value) }

  mutating func uint16(_ value: UInt16) { number(UInt64(value), 2) }

  mutating func uint32(_ value: UInt32) { number(UInt64(value), 4) }

  mutating func uint48(_ value: UInt64) { number(value, 6) }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func zeros(_ count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

  /// Overwrites two bytes written before.
  mutating func patch(_ value: UInt16, at index: Int) {
    bytes[index] = UInt8(value >> 8)
    bytes[index + 1] = UInt8(value & 255)
  }

  private mutating func number(_ value: UInt64, _ count: Int) {
    for shift in stride(from: 8 * (count - 1), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }
}
