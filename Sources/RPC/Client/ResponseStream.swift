/// The responses of a streaming call, read by one task.
public struct ResponseStream<Element: Message>: AsyncSequence, Sendable {
  public typealias Failure = any Error

  let call: ClientCall

  public struct AsyncIterator: AsyncIteratorProtocol {
    let call: ClientCall

    /// The next message, or nil when the call ended with `ok`.
    ///
    /// - Throws: `RPCError` with any other status.
    public mutating func next() async throws -> Element? {
      try await call.receive(Element.self)
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(call: call) }

  /// The next message, or nil when the call ended with `ok`; for readers that do not loop.
  public func next() async throws -> Element? {
    try await call.receive(Element.self)
  }

  /// The response headers; waits for them.
  public var initialMetadata: Metadata {
    get async throws { try await call.waitForInitialMetadata() }
  }

  /// The metadata that came with the status; empty before the end.
  public var trailingMetadata: Metadata { call.trailingMetadata }
}
