/// The request messages of a streaming call, read by one task.
///
/// Reading is what lets the client send on: messages that nobody reads fill the stream's window and stop there.
public struct RequestStream<Element: Message>: AsyncSequence, Sendable {
  public typealias Failure = any Error

  let call: ServerCall

  public struct AsyncIterator: AsyncIteratorProtocol {
    let call: ServerCall

    /// The next message, or nil after the client's last.
    ///
    /// - Throws: `RPCError` when the call was cancelled, the connection was lost or a message was malformed.
    nonisolated(nonsending) public mutating func next() async throws -> Element? {
      try await call.receive(Element.self)
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(call: call) }

  /// The next message, or nil after the client's last; for readers that do not loop.
  nonisolated(nonsending) public func next() async throws -> Element? {
    try await call.receive(Element.self)
  }
}
