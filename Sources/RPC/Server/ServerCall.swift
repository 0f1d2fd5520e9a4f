internal import HTTP2
internal import Synchronization

/// The server's end of one call: what a handler holds while it runs, and what its connection serves.
///
/// It outlives the stream it came from for as long as a handler holds it. Connections reuse calls that nobody holds.
public final class ServerCall: MessageEndpoint {
  let peer: Peer
  private let state = Mutex(ServerCallState())
  /// The connection's notes on the stream. Only the connection's thread touches them.
  @exclusivity(unchecked) nonisolated(unsafe) var stream = ServerStream()

  init(peer: Peer = .inMemory) {
    self.peer = peer
  }

  func withState<Result, Failure: Error>(
    _ body: (inout ServerCallState) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try state.withLock { state throws(Failure) in try body(&state) }
  }

  func withStreams<Result, Failure: Error>(
    _ body: (inout CallStreams) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try state.withLock { state throws(Failure) in try body(&state.streams) }
  }

  // MARK: Facts of the request

  var method: MethodDescriptor { withState { $0.method } }
  var deadline: ContinuousClock.Instant? {
    withState { $0.deadline }.map { ContinuousClock().systemEpoch.advanced(by: $0) }
  }
  var requestMetadata: Metadata { withState { $0.requestMetadata() } }

  /// Begins a call without HTTP/2.
  func begin(
    method: MethodDescriptor, metadata: Metadata, deadline: ContinuousClock.Instant?,
    messageBytesMax: Int = CallOptions.responseBytesMaxDefault, compression: Compression = .identity,
    driver: (any CallDriver)? = nil
  ) {
    withState { state in
      state.begin(messageBytesMax: messageBytesMax, compression: compression, driver: driver)
      state.method = method
      state.metadata = .ready(metadata)
      state.deadline = deadline.map { ContinuousClock().systemEpoch.duration(to: $0) }
    }
  }

  // MARK: The handler's side

  func sendInitialMetadata(_ metadata: Metadata) throws {
    let driver = try withState { state throws(RPCError) in try state.sendInitialMetadata(metadata) }
    driver?.callNeedsAttention(self)
  }

  func setTrailingMetadata(_ metadata: Metadata) {
    withState { $0.trailingMetadata = metadata }
  }

  func setCompression(_ compression: Compression) {
    withState { $0.setCompression(compression) }
  }

  /// The request of a handler that may not wait; the connection calls it when the message is there.
  func takeOnly<M: Message>(_ type: M.Type) throws(RPCError) -> M {
    var message = M()
    let (taken, _) = try withStreams { streams throws(RPCError) in try streams.take(into: &message) }
    guard taken == .message else {
      throw RPCError(.internalError, "the stream ended without a message where one was expected")
    }
    return message
  }

  /// The same as `sendLast`, of a handler that its connection runs itself.
  ///
  /// - Returns: What the connection has to do.
  func answer<M: Message>(_ message: M) throws(RPCError) -> ServerCallState.Errand {
    try withState { state throws(RPCError) in
      _ = try state.sendLast(message, encoded: nil)
      return state.errand()
    }
  }

  /// Queues the only response and `ok` behind it.
  func sendLast<M: Message>(_ message: M, encoded: EncodedResponse? = nil) throws(RPCError) {
    let driver = try withState { state throws(RPCError) in try state.sendLast(message, encoded: encoded) }
    driver?.callNeedsAttention(self)
  }

  /// The handler is done. The first status counts.
  func finish(_ status: RPCStatus, trailingMetadata: Metadata = Metadata()) {
    let driver = withState { $0.finish(status, trailingMetadata: trailingMetadata) }
    driver?.callNeedsAttention(self)
  }

  // MARK: The connection's side

  /// The handler suspended: whoever ends the call can cancel it.
  func suspended(in task: Task<Void, Never>) {
    let mustCancel = withState { $0.suspended(in: task) }
    if mustCancel { task.cancel() }
  }

  /// The handler is done and its task runs others now: nobody may cancel it for this call.
  func handlerEnded() {
    withState { $0.handlerEnded() }
  }

  /// Ends the call from outside: what the handler reads or writes from now on throws `error`, and its task is cancelled.
  func fail(_ error: RPCError) {
    let (woken, task) = withState { $0.fail(error) }
    task?.cancel()
    woken.resume()
  }

  /// The deadline passed: the client gets the status while the handler is still being cancelled.
  func expire() {
    finish(RPCStatus(code: .deadlineExceeded, message: "the deadline passed on the server"))
    fail(RPCError(.deadlineExceeded, "the deadline passed"))
  }
}
