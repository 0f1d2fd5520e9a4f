/// Writes numbers big-endian, texts and lists with a 2-byte count before them.
package struct ByteWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  /// The most octets of a text, and the most elements of a list.
  package static let countMax = 65_535

  package init(reserving octets: Int = 0) {
    bytes.reserveCapacity(octets)
  }

  package mutating func uint8(_ value: UInt8) { bytes.append(value) }
  package mutating func uint16(_ value: UInt16) { append(UInt64(value), octets: 2) }
  package mutating func uint32(_ value: UInt32) { append(UInt64(value), octets: 4) }
  package mutating func uint48(_ value: UInt64) { append(value, octets: 6) }
  package mutating func uint64(_ value: UInt64) { append(value, octets: 8) }

  package mutating func uint128(_ value: UInt128) {
    append(UInt64(truncatingIfNeeded: value >> 64), octets: 8)
    append(UInt64(truncatingIfNeeded: value), octets: 8)
  }

  /// - Precondition: at most `countMax` octets.
  package mutating func text(_ value: String) {
    var value = value
    value.withUTF8 { octets in
      precondition(octets.count <= Self.countMax, "texts are bounded before they are written")
      uint16(UInt16(octets.count))
      bytes.append(contentsOf: octets)
    }
  }

  /// - Precondition: at most `countMax` elements.
  package mutating func list<Element>(_ elements: [Element], _ write: (inout ByteWriter, Element) -> Void) {
    precondition(elements.count <= Self.countMax, "lists are bounded before they are written")
    uint16(UInt16(elements.count))
    for element in elements { write(&self, element) }
  }

  private mutating func append(_ value: UInt64, octets: Int) {
    var shift = 8 * (octets - 1)
    while shift >= 0 {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
      shift -= 8
    }
  }
}

/// Reads what `ByteWriter` wrote.
package struct ByteReader: Sendable {
  private let bytes: [UInt8]
  private var position = 0

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package var isAtEnd: Bool { position == bytes.count }

  package mutating func uint8() throws(ByteReaderError) -> UInt8 { UInt8(try number(octets: 1)) }
  package mutating func uint16() throws(ByteReaderError) -> UInt16 { UInt16(try number(octets: 2)) }
  package mutating func uint32() throws(ByteReaderError) -> UInt32 { UInt32(try number(octets: 4)) }
  package mutating func uint48() throws(ByteReaderError) -> UInt64 { try number(octets: 6) }
  package mutating func uint64() throws(ByteReaderError) -> UInt64 { try number(octets: 8) }

  package mutating func uint128() throws(ByteReaderError) -> UInt128 {
    let high = UInt128(try number(octets: 8))
    return high << 64 | UInt128(try number(octets: 8))
  }

  package mutating func text() throws(ByteReaderError) -> String {
    let count = Int(try uint16())
    guard count <= bytes.count - position else { throw ByteReaderError() }
    defer { position += count }
    guard let text = String(validating: bytes[position..<position + count], as: UTF8.self) else {
      throw ByteReaderError()
    }
    return text
  }

  package mutating func list<Element>(
    _ read: (inout ByteReader) throws -> Element
  ) throws -> [Element] {
    let count = Int(try uint16())
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try read(&self)) }
    return elements
  }

  private mutating func number(octets: Int) throws(ByteReaderError) -> UInt64 {
    guard octets <= bytes.count - position else { throw ByteReaderError() }
    var value: UInt64 = 0
    for offset in 0..<octets { value = value << 8 | UInt64(bytes[position + offset]) }
    position += octets
    return value
  }
}

/// Bytes that end too early or are no text.
package struct ByteReaderError: Error, Sendable, Hashable {
  package init() {}
}
