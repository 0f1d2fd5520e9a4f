internal import RPC


/// A message of a type known only at run time, decoded and encoded again.
func reencoded(_ type: any Message.Type, _ octets: [UInt8]) throws -> (message: any Message, octets: [UInt8]) {
  func open<M: Message>(_ type: M.Type) throws -> (any Message, [UInt8]) {
    let message = try M(serializedBytes: octets)
    return (message, message.serializedBytes())
  }
  return try open(type)
}

/// Writes protobuf's wire format by hand, right and wrong.
struct WireBytes {
  private(set) var octets: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      octets.append(UInt8(value & 0x7f) | 0x80)
      value >>= 7
    }
    octets.append(UInt8(value))
  }

  mutating func tag(_ field: UInt64, _ wireType: UInt64) { varint(field << 3 | wireType) }

  mutating func bytes(_ field: UInt64, _ content: [UInt8]) {
    tag(field, 2)
    varint(UInt64(content.count))
    octets += content
  }

  mutating func raw(_ more: [UInt8]) { octets += more }

  static func build(_ body: (inout WireBytes) -> Void) -> [UInt8] {
    var bytes = WireBytes()
    body(&bytes)
    return bytes.octets
  }
}
