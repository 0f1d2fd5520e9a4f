/// Secrets that the region makes: enrolment tokens and agents' credentials.
package enum Secret {
  /// Random octets in one secret: 256 bits.
  package static let octetsCount = 32

  /// 43 characters of URL-safe base64 without padding (RFC 4648 §5).
  package static func text(_ random: (UInt64, UInt64, UInt64, UInt64)) -> String {
    let words = [random.0, random.1, random.2, random.3]
    let octets = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var text: [UInt8] = []
    var bits = 0
    var pending = 0
    for octet in octets {
      pending = pending << 8 | Int(octet)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[pending >> bits & 63])
      }
    }
    if bits > 0 { text.append(alphabet[pending << (6 - bits) & 63]) }
    return String(decoding: text, as: UTF8.self)
  }
}
