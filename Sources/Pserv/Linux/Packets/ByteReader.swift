/// Reads numbers in network order from the front of some bytes; every step answers `nil` or false past the end.
struct ByteReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  mutating func uint8() -> UInt8? { rest.popFirst() }

  mutating func uint16() -> UInt16? { number(2).map { UInt16($0) } }

  mutating func uint32() -> UInt32? { number(4).map { UInt32($0) } }

  mutating func uint48() -> UInt64? { number(6) }

  mutating func skip(_ count: Int) -> Bool { take(count) != nil }

  mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, rest.count >= count else { return nil }
    defer { rest.removeFirst(count) }
    return rest.prefix(count)
  }

  private mutating func number(_ count: Int) -> UInt64? {
    take(count)?.reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Appends numbers in network order.
struct ByteWriter {
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
