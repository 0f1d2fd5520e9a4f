/// Where a streaming handler writes its responses. Any number of tasks may write; messages are never interleaved.
public struct ResponseWriter<Element: Message>: Sendable {
  let call: ServerCall

  /// Encodes `message` and hands it to the connection. Suspends while the client reads slower than the
  /// handler writes, so memory stays bounded.
  ///
  /// - Throws: `RPCError` when the call ended: cancelled, past its deadline, or the connection is gone.
  nonisolated(nonsending) public func write(_ message: Element) async throws {
    try await call.send(message)
  }

  nonisolated(nonsending) public func write(contentsOf messages: some Sequence<Element>) async throws {
    for message in messages { try await call.send(message) }
  }
}
