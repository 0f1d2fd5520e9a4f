/// How the messages of a stream are decoded, and what that may cost.
struct DecodingRules: Sendable {
  /// The largest message accepted, in octets, before and after decompression.
  var messageBytesMax: Int
  /// What decoding one message may cost.
  var limits = MessageLimits.standard
  /// How messages with the compressed flag are encoded.
  var compression: Compression
  var content = Content.responses

  /// What the messages are, which decides what text that is none is called.
  enum Content: Sendable {
    /// The caller's argument is invalid.
    case requests
    /// The server broke the contract.
    case responses
  }

  /// - Parameter payload: A message without its prefix.
  /// - Throws: What is wrong with the message: not gzip, too much, not a protobuf message.
  func decode<M: Message>(_ payload: UnsafeRawBufferPointer, isCompressed: Bool) throws(RPCError) -> M {
    do throws(MessageError) {
      guard isCompressed else { return try M(serialized: payload, limits: limits) }
    } catch {
      throw invalid(M.self, error)
    }
    guard compression == .gzip else {
      throw RPCError(.internalError, "a message is compressed, but the call named no grpc-encoding")
    }
    let plain = try Gzip.decompress(payload, sizeMax: messageBytesMax, ratioMax: limits.decompressionRatioMax)
    do throws(MessageError) {
      return try M(serialized: plain.bytes, limits: limits)
    } catch {
      throw invalid(M.self, error)
    }
  }

  private func invalid<M: Message>(_ type: M.Type, _ error: MessageError) -> RPCError {
    let message = "a message is not a valid \(M.fullName): \(error)"
    switch error {
    case .tooDeep, .tooManyFields, .tooLarge: return RPCError(.resourceExhausted, message)
    case .truncated, .malformed: return RPCError(.internalError, message)
    case .invalidUTF8(let field), .containsNUL(let field):
      guard content == .requests, let problem = error.textProblem else { return RPCError(.internalError, message) }
      return RPCError(invalidField: field, problem)
    }
  }
}
