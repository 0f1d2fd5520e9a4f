/// Where a client writes the requests of a streaming call.
public struct RequestWriter<Element: Message>: Sendable {
  let call: ClientCall

  /// Encodes `message` and hands it to the connection. Suspends while the server reads slower than the caller writes.
  ///
  /// - Throws: `RPCError` when the call has ended.
  public func write(_ message: Element) async throws {
    try await call.send(message)
  }

  public func write(contentsOf messages: some Sequence<Element>) async throws {
    for message in messages { try await call.send(message) }
  }
}
