/// How the octets of a field are delimited (protobuf's wire types without the groups of proto2).
enum WireType: UInt32 {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case fixed32 = 5
}

/// Reads protobuf's wire format forwards, within its bounds.
struct WireCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Octets of the longest varint, and of the longest that libprotobuf-c takes as a tag or a length.
  private static let varintBytesMax = 10
  private static let shortVarintBytesMax = 5
  /// Lengths and field numbers have their own bounds below 32 bits.
  private static let lengthMax = UInt64(Int32.max)
  private static let fieldNumberMax = UInt64(1 << 29 - 1)

  var isAtEnd: Bool { position == bytes.count }

  /// The number and wire type of the next field.
  mutating func tag() throws(MessageError) -> (number: UInt32, type: WireType) {
    let value = try shortVarint()
    let number = value >> 3
    guard number > 0, number <= Self.fieldNumberMax, let type = WireType(rawValue: UInt32(value & 7)) else {
      throw .malformed(field: UInt32(truncatingIfNeeded: number))
    }
    return (UInt32(number), type)
  }

  /// The octets of a string, a bytes field, a message or packed numbers.
  mutating func lengthDelimited() throws(MessageError) -> UnsafeRawBufferPointer {
    let length = try shortVarint()
    guard length <= Self.lengthMax, Int(length) <= bytes.count - position else { throw .truncated }
    defer { position += Int(length) }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
  }

  mutating func skip(_ type: WireType, field: UInt32) throws(MessageError) {
    switch type {
    case .varint: try skipVarint()
    case .fixed64: try skip(8)
    case .fixed32: try skip(4)
    case .lengthDelimited: _ = try lengthDelimited()
    }
  }

  /// Counts numbers written one after the other, and checks each.
  mutating func countPacked(_ type: WireType, field: UInt32) throws(MessageError) -> Int {
    switch type {
    case .varint:
      var count = 0
      while !isAtEnd {
        try skipVarint()
        count += 1
      }
      return count
    case .fixed32: return try countPacked(sizeBytes: 4, field: field)
    case .fixed64: return try countPacked(sizeBytes: 8, field: field)
    case .lengthDelimited: throw .malformed(field: field)
    }
  }

  private mutating func countPacked(sizeBytes: Int, field: UInt32) throws(MessageError) -> Int {
    guard bytes.count % sizeBytes == 0 else { throw .malformed(field: field) }
    position = bytes.count
    return bytes.count / sizeBytes
  }

  private mutating func skip(_ count: Int) throws(MessageError) {
    guard count <= bytes.count - position else { throw .truncated }
    position += count
  }

  private mutating func skipVarint() throws(MessageError) {
    let end = min(bytes.count, position + Self.varintBytesMax)
    while position < end {
      position += 1
      if bytes[position - 1] < 0x80 { return }
    }
    throw .truncated
  }

  private mutating func shortVarint() throws(MessageError) -> UInt64 {
    guard position < bytes.count else { throw .truncated }
    let first = bytes[position]
    position += 1
    if first < 0x80 { return UInt64(first) }
    var value = UInt64(first & 0x7f)
    for place in 1..<Self.shortVarintBytesMax {
      guard position < bytes.count else { throw .truncated }
      let octet = bytes[position]
      position += 1
      value |= UInt64(octet & 0x7f) << UInt64(7 * place)
      if octet < 0x80 { return value }
    }
    throw .truncated
  }
}
