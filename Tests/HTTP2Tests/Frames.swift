/// Frames made by hand, for peers that no library plays (RFC 9113 §6).
enum Frames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    let length = UInt32(payload.count)
    return [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags] + bigEndian(stream) + payload
  }

  static let settings = frame(4)
  static let ping = frame(6, [UInt8](repeating: 0, count: 8))

  static func data(_ stream: UInt32, _ payload: [UInt8], endStream: Bool = false) -> [UInt8] {
    frame(0, flags: endStream ? 1 : 0, stream: stream, payload)
  }

  /// A whole request header block of literal fields (RFC 7541 §6.2.2), on indices of the static table.
  static func headers(_ stream: UInt32, endStream: Bool = false, extra: [UInt8] = []) -> [UInt8] {
    frame(1, flags: 4 | (endStream ? 1 : 0), stream: stream, requestBlock + extra)
  }

  /// `:method POST`, `:scheme http`, `:path /`, `:authority x`, all indexed or literal without indexing.
  static let requestBlock: [UInt8] = [0x83, 0x86, 0x84, 0x01, 1, 0x78]

  static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] { frame(3, stream: stream, bigEndian(code)) }

  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
    frame(8, stream: stream, bigEndian(increment))
  }

  /// The WINDOW_UPDATEs among whole frames; stream 0 is the connection.
  static func windowUpdates(_ octets: [UInt8]) -> [(stream: UInt32, increment: Int)] {
    var (result, rest) = ([(stream: UInt32, increment: Int)](), octets[...])
    while rest.count >= 9 {
      let head = Array(rest.prefix(9))
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      let payload = rest.dropFirst(9).prefix(length)
      if head[3] == 8 { result.append((number(head[5...]), Int(number(payload)))) }
      rest = rest.dropFirst(9 + length)
    }
    return result
  }

  private static func number(_ octets: ArraySlice<UInt8>) -> UInt32 { octets.reduce(0) { $0 << 8 | UInt32($1) } }

  static func bigEndian(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }
}
