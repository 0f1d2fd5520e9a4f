internal import Synchronization

/// The client's end of one call: what the caller reads and writes, and what a channel carries to a server.
public final class ClientCall: MessageEndpoint {
  public let method: MethodDescriptor
  public let options: CallOptions
  /// When the caller stops waiting.
  public let deadline: ContinuousClock.Instant?
  private let state: Mutex<ClientCallState>
  /// The connection's notes on the stream. Only the connection's thread touches them.
  @exclusivity(unchecked) nonisolated(unsafe) var stream = ClientStream()

  /// - Parameter now: The channel's time; the deadline counts from it.
  init(method: MethodDescriptor, options: CallOptions, now: ContinuousClock.Instant = .now) {
    self.method = method
    self.options = options
    self.deadline = options.timeout.map { now.advanced(by: $0) }
    self.state = Mutex(ClientCallState(messageBytesMax: options.maxResponseBytes, compression: options.compression))
  }

  func withState<Result, Failure: Error>(
    _ body: (inout ClientCallState) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try state.withLock { state throws(Failure) in try body(&state) }
  }

  func withStreams<Result, Failure: Error>(
    _ body: (inout CallStreams) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try state.withLock { state throws(Failure) in try body(&state.streams) }
  }

  // MARK: The caller's side

  /// Queues the only request and the end behind it.
  func sendLast<M: Message>(_ message: M) throws(RPCError) {
    let driver = try withStreams { streams throws(RPCError) in
      let driver = try streams.append(message)
      return driver ?? streams.endOutbound()
    }
    driver?.callNeedsAttention(self)
  }

  func finishRequests() {
    let driver = withStreams { $0.endOutbound() }
    driver?.callNeedsAttention(self)
  }

  /// Ends the call if it has not ended: the server's handler is cancelled, readers and writers here throw `error`.
  public func cancel(_ error: RPCError) {
    let (woken, driver) = withState { $0.cancel(error) }
    woken.resume()
    driver?.callNeedsAttention(self)
  }

  var initialMetadata: Metadata { withState { $0.initialMetadata ?? Metadata() } }
  var trailingMetadata: Metadata { withState { $0.trailingMetadata } }

  func waitForInitialMetadata() async throws(RPCError) -> Metadata {
    while true {
      let (metadata, epoch, failure) = withState { state in
        (state.initialMetadata, state.streams.parking.epoch, state.streams.failure)
      }
      if let metadata { return metadata }
      if let failure { throw failure }
      if Task.isCancelled { throw RPCError(.cancelled, "the task was cancelled") }
      await withTaskCancellationHandler {
        await withUnsafeContinuation { (waiter: Parking.Waiter) in
          let sleeps = withState { state in
            state.initialMetadata == nil && state.streams.failure == nil
              && state.streams.parking.park(reader: waiter, epoch: epoch)
          }
          if !sleeps { waiter.resume() }
        }
      } onCancel: {
        withStreams { $0.parking.takeAllAfterCancellation() }.resume()
      }
    }
  }

  /// The only response of a call that does not stream, once its status is known: a message alone says nothing yet.
  nonisolated(nonsending) func receiveResponse<M: Message>(_ type: M.Type) async throws(RPCError) -> M {
    let message = try await receiveOnly(type)
    guard try await receive(type) == nil else {
      throw RPCError(.internalError, "the server sent more than one response")
    }
    return message
  }

  // MARK: The channel's side

  /// The call ended, by the server or because it could not be carried.
  func end(_ status: RPCStatus, trailingMetadata: Metadata = Metadata()) {
    withState { $0.end(status, trailingMetadata: trailingMetadata) }.resume()
  }

  /// Ends a call that no server got.
  public func fail(_ error: RPCError) {
    end(error.status, trailingMetadata: error.metadata)
  }

  /// Whether the caller still waits for something.
  public var isOpen: Bool { withState { !$0.hasEnded } }
}

/// What a connection notes about a call's stream.
struct ClientStream {
  var id: Int32 = 0
  var isOpen = false
  var slot = 0
  /// The session waits to be told that there is more to send.
  var isDeferred = false
  /// END_STREAM went or is about to.
  var requestHasEnded = false
  /// How often a server refused the call.
  var refusals = 0

  init() {}
}
