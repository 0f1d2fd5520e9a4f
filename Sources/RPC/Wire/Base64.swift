/// Base64 (RFC 4648 §4) of `-bin` metadata: sent without padding, taken with or without.
enum Base64 {
  static func encode(_ octets: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity((octets.count * 4 + 2) / 3)
    var bits: UInt32 = 0
    var count = 0
    for octet in octets {
      bits = bits << 8 | UInt32(octet)
      count += 8
      while count >= 6 {
        count -= 6
        result.append(alphabet[Int(bits >> UInt32(count)) & 63])
      }
    }
    if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count)) & 63]) }
    return result
  }

  /// - Returns: nil when the text is not base64: a foreign character, a length of 4n + 1, or padding within.
  static func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
    var end = text.endIndex
    var paddings = 0
    while end > text.startIndex, text[text.index(end, offsetBy: -1)] == UInt8(ascii: "=") {
      end = text.index(end, offsetBy: -1)
      paddings += 1
    }
    let digits = text[..<end]
    guard paddings <= 2, digits.count % 4 != 1, paddings == 0 || (digits.count + paddings) % 4 == 0 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(digits.count * 3 / 4)
    var bits: UInt32 = 0
    var count = 0
    for character in digits {
      let value = values[Int(character)]
      guard value < 64 else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return result
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// 64 marks a character that is none. The URL alphabet is taken too, as other implementations do.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 64, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    values[Int(UInt8(ascii: "-"))] = 62
    values[Int(UInt8(ascii: "_"))] = 63
    return values
  }()
}
