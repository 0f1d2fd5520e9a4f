/// Whether octets are UTF-8 (RFC 3629) without a NUL.
enum UTF8Check {
  /// Eight octets a step while they are ASCII.
  private static let highBits: UInt64 = 0x8080_8080_8080_8080
  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  /// Whether eight octets are ASCII and none is a NUL: no high bit, and no zero octet, which would borrow from its
  /// own high bit.
  @inline(__always)
  private static func isPlain(_ word: UInt64) -> Bool { (word | (word &- lowBits)) & highBits == 0 }

  /// What is wrong first.
  enum Fault {
    case notUTF8
    case containsNUL
  }

  @inline(__always)
  static func fault(_ start: UnsafeRawPointer, count: Int) -> Fault? {
    var at = start
    let end = start + count
    while end - at >= 8, isPlain(at.loadUnaligned(as: UInt64.self)) { at += 8 }
    while at != end {
      let octet = at.load(as: UInt8.self)
      guard octet > 0, octet < 0x80 else { return faultOfRest(at, end) }
      at += 1
    }
    return nil
  }

  /// Text with characters beyond ASCII, or wrong.
  @inline(never)
  private static func faultOfRest(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) -> Fault? {
    var at = start
    while at != end {
      let octet = at.load(as: UInt8.self)
      if octet == 0 { return .containsNUL }
      if octet < 0x80 {
        at += 1
        continue
      }
      guard let length = sequenceLength(at, end) else { return .notUTF8 }
      at += length
    }
    return nil
  }

  /// The length of the sequence of two to four octets at `at`, or nil (the table of RFC 3629 §4).
  private static func sequenceLength(_ at: UnsafeRawPointer, _ end: UnsafeRawPointer) -> Int? {
    let length: Int
    let second: ClosedRange<UInt8>
    switch at.load(as: UInt8.self) {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return nil
    }
    guard end - at >= length, second.contains(at.load(fromByteOffset: 1, as: UInt8.self)) else { return nil }
    for place in 2..<max(length, 2) where at.load(fromByteOffset: place, as: UInt8.self) & 0xC0 != 0x80 {
      return nil
    }
    return length
  }
}
