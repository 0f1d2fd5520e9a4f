/// A message that left its stream before it was decoded, so that another thread can do that.
///
/// Its memory counts as the call's until it is decoded or dropped.
final class EncodedMessage: Sendable {
  private let octets: MovingOctets
  private let isCompressed: Bool
  private let rules: DecodingRules
  /// Octets of memory.
  let heldBytes: Int

  init(_ octets: consuming ByteQueue, isCompressed: Bool, rules: DecodingRules) {
    heldBytes = octets.capacity
    self.octets = MovingOctets(octets)
    self.isCompressed = isCompressed
    self.rules = rules
  }

  /// Nobody wants the message any more. What is being decoded already lives until that is done.
  func drop() {
    _ = octets.take()
  }

  /// Decodes the message, once, on the executor that the task prefers.
  ///
  /// - Returns: What `DecodingRules.decode` does; `cancelled` if the message was dropped.
  @concurrent func decode<M: Message>(_ type: M.Type) async -> Result<M, RPCError> {
    guard let octets = octets.take() else { return .failure(RPCError(.cancelled, "the call ended before its message was read")) }
    return Result { () throws(RPCError) in try rules.decode(octets.bytes, isCompressed: isCompressed) }
  }
}
