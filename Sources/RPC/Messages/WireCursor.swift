/// How the octets of a field are delimited (protobuf's wire types without the groups of proto2).
enum WireType: UInt32 {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case fixed32 = 5
}

/// Reads protobuf's wire format forwards, within its bounds.
///
/// The short forms are inlined into the scanner's loop; most tags and lengths have one octet.
struct WireCursor {
  private(set) var at: UnsafeRawPointer
  private let end: UnsafeRawPointer

  init(_ start: UnsafeRawPointer, count: Int) {
    at = start
    end = start + count
  }

  /// Octets of the longest varint, and of the longest that libprotobuf-c takes as a tag or a length.
  private static let varintBytesMax = 10
  private static let shortVarintBytesMax = 5
  private static let lengthMax = UInt64(Int32.max)
  private static let fieldNumberMax = UInt64(1 << 29 - 1)

  var isAtEnd: Bool { at == end }
  var leftBytes: Int { end - at }

  /// The number and wire type of the next field.
  @inline(__always)
  mutating func tag() throws(MessageError) -> (number: UInt32, type: WireType) {
    let value = try shortVarint()
    let number = value >> 3
    guard number > 0, number <= Self.fieldNumberMax, let type = WireType(rawValue: UInt32(value & 7)) else {
      throw .malformed(field: UInt32(truncatingIfNeeded: number))
    }
    return (UInt32(truncatingIfNeeded: number), type)
  }

  /// Steps over a length and as many octets: a string, a bytes field, a message or packed numbers.
  @inline(__always)
  mutating func lengthDelimited() throws(MessageError) -> (start: UnsafeRawPointer, count: Int) {
    let length = try shortVarint()
    guard length <= Self.lengthMax, Int(truncatingIfNeeded: length) <= leftBytes else { throw .truncated }
    let start = at
    at += Int(truncatingIfNeeded: length)
    return (start, Int(truncatingIfNeeded: length))
  }

  @inline(__always)
  mutating func skip(_ type: WireType) throws(MessageError) {
    switch type {
    case .varint: try skipVarint()
    case .fixed64: try skip(8)
    case .fixed32: try skip(4)
    case .lengthDelimited: _ = try lengthDelimited()
    }
  }

  /// Counts numbers written one after the other up to the end, and checks each.
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
    guard leftBytes % sizeBytes == 0 else { throw .malformed(field: field) }
    defer { at = end }
    return leftBytes / sizeBytes
  }

  @inline(__always)
  private mutating func skip(_ count: Int) throws(MessageError) {
    guard count <= leftBytes else { throw .truncated }
    at += count
  }

  @inline(__always)
  private mutating func skipVarint() throws(MessageError) {
    let last = at + min(leftBytes, Self.varintBytesMax)
    while at != last {
      let octet = at.load(as: UInt8.self)
      at += 1
      if octet < 0x80 { return }
    }
    throw .truncated
  }

  @inline(__always)
  private mutating func shortVarint() throws(MessageError) -> UInt64 {
    guard at != end else { throw .truncated }
    let first = at.load(as: UInt8.self)
    at += 1
    return first < 0x80 ? UInt64(first) : try longerVarint(UInt64(first & 0x7f))
  }

  @inline(never)
  private mutating func longerVarint(_ first: UInt64) throws(MessageError) -> UInt64 {
    var value = first
    for place in 1..<Self.shortVarintBytesMax {
      guard at != end else { throw .truncated }
      let octet = at.load(as: UInt8.self)
      at += 1
      value |= UInt64(octet & 0x7f) << UInt64(7 * place)
      if octet < 0x80 { return value }
    }
    throw .truncated
  }
}
