/// The encoding of `grpc-message`: octets outside printable ASCII, and `%`, as `%XX`.
enum PercentEncoding {
  static func encode(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for octet in text.utf8 {
      if octet >= 0x20, octet <= 0x7e, octet != UInt8(ascii: "%") {
        result.append(octet)
      } else {
        result.append(UInt8(ascii: "%"))
        result.append(hexDigits[Int(octet >> 4)])
        result.append(hexDigits[Int(octet & 15)])
      }
    }
    // Header values lose white space at their ends on the way (RFC 9113 §8.2.1).
    if result.last == UInt8(ascii: " ") { result.replaceSubrange(result.count - 1..<result.count, with: Array("%20".utf8)) }
    if result.first == UInt8(ascii: " ") { result.replaceSubrange(0..<1, with: Array("%20".utf8)) }
    return result
  }

  /// Never fails: what is not an escape stays as it is, and what is not UTF-8 is replaced.
  static func decode(_ octets: UnsafeRawBufferPointer) -> String {
    guard octets.contains(UInt8(ascii: "%")) else { return String(decoding: octets, as: UTF8.self) }
    var result: [UInt8] = []
    result.reserveCapacity(octets.count)
    var index = 0
    while index < octets.count {
      if octets[index] == UInt8(ascii: "%"), index + 2 < octets.count, let high = hexValue(octets[index + 1]),
        let low = hexValue(octets[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(octets[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static let hexDigits = Array("0123456789ABCDEF".utf8)

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
