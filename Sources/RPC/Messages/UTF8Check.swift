/// Whether octets are UTF-8 (RFC 3629) without a NUL.
enum UTF8Check {
  /// Eight octets a step while they are ASCII.
  private static let highBits: UInt64 = 0x8080_8080_8080_8080
  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  static func check(_ text: UnsafeRawBufferPointer, field: UInt32) throws(MessageError) {
    var index = 0
    while index < text.count {
      if text.count - index >= 8 {
        let word = text.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        // Neither a high bit, nor a zero octet (which borrows from its own high bit).
        if (word | (word &- lowBits)) & highBits == 0 {
          index += 8
          continue
        }
      }
      let octet = text[index]
      if octet == 0 { throw .containsNUL(field: field) }
      if octet < 0x80 {
        index += 1
        continue
      }
      guard let length = sequenceLength(text, index) else { throw .invalidUTF8(field: field) }
      index += length
    }
  }

  /// The length of the sequence of two to four octets at `index`, or nil (the table of RFC 3629 §4).
  private static func sequenceLength(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int? {
    let length: Int
    let second: ClosedRange<UInt8>
    switch text[index] {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return nil
    }
    guard text.count - index >= length, second.contains(text[index + 1]) else { return nil }
    for place in 2..<max(length, 2) where text[index + place] & 0xC0 != 0x80 { return nil }
    return length
  }
}
