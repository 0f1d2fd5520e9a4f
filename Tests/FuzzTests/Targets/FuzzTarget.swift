/// What octets from outside are thrown at. A target must survive every input; what it promises beyond that it checks with
/// `precondition`, so that a broken promise is a crash that a fuzzer keeps.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// What a client sends, up to the handlers and back.
  case server
  /// What a server sends to our client.
  case client
  /// gRPC's length-prefixed messages, with gzip and without.
  case framing
  /// Header values: timeouts, base64, percent encoding, metadata.
  case fields
  /// Protobuf messages of every type we know.
  case message
  /// The configuration files of region and agent.
  case configuration

  package func run(_ input: UnsafeRawBufferPointer) {
    switch self {
    case .server: ServerTarget.run(input)
    case .client: ClientTarget.run(input)
    case .framing: FramingTarget.run(input)
    case .fields: FieldsTarget.run(input)
    case .message: MessageTarget.run(input)
    case .configuration: ConfigurationTarget.run(input)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// What follows the first `count` octets, or nothing.
  func skipping(_ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: dropFirst(count))
  }

  /// Pieces of `sizeBytes` octets; 0 for all in one.
  func chunks(of sizeBytes: Int) -> [UnsafeRawBufferPointer] {
    guard sizeBytes > 0, !isEmpty else { return [self] }
    return stride(from: 0, to: count, by: sizeBytes).map { start in
      UnsafeRawBufferPointer(rebasing: self[start..<Swift.min(start + sizeBytes, count)])
    }
  }
}
