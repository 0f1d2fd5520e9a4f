internal import RPC
internal import Wire

/// Scan and decode. An input is the full name of a message type, a zero octet, and the message.
enum MessageTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    guard let end = input.firstIndex(of: 0),
      let type = types[String(decoding: input[..<end], as: UTF8.self)]
    else { return }
    read(input.skipping(end + 1), as: type)
  }

  /// Every type by its name.
  static let types: [String: any Message.Type] = Dictionary(
    uniqueKeysWithValues: (Everything.messageTypes + Bench.messageTypes + MusterV1.messageTypes + GoogleRpc.messageTypes
      + GoogleProtobuf.messageTypes + GrpcHealthV1.messageTypes + GrpcReflectionV1.messageTypes).map { ($0.fullName, $0) })

  private static func read<M: Message>(_ octets: UnsafeRawBufferPointer, as type: M.Type) {
    guard let message = decoded(M.self, octets, limits) else { return }
    // What we write, we read, and write the same.
    let written = message.serializedBytes()
    let again = written.withUnsafeBytes { decoded(M.self, $0, .standard) }
    precondition(again?.serializedBytes() == written, "\(M.fullName) changes when it is written and read")
    precondition(again?.unknownFields == message.unknownFields, "\(M.fullName) loses what it does not know")
  }

  private static func decoded<M: Message>(_ type: M.Type, _ octets: UnsafeRawBufferPointer, _ limits: MessageLimits) -> M? {
    do throws(MessageError) {
      return try M(serialized: octets, limits: limits)
    } catch {
      return nil
    }
  }

  /// Small, so that short inputs meet them.
  private static let limits = MessageLimits(depthMax: 8, fieldsMax: 500, arenaBytesMax: 64 << 10)
}
