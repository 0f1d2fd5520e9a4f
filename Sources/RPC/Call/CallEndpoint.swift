/// One end of a call, as the application and a connection share it. Any thread may use it.
public protocol CallEndpoint: AnyObject, Sendable {}

/// Carries calls: a connection, or the in-memory link.
public protocol CallDriver: AnyObject, Sendable {
  /// `call` has octets to send, credit to give, or has ended. Called on any thread, once until the call is attended.
  func callNeedsAttention(_ call: any CallEndpoint)
  /// Where large messages are encoded and decoded. nil: where they are written and read, because nobody waits for that thread.
  var largeMessages: (any TaskExecutor)? { get }
}

extension CallDriver {
  public var largeMessages: (any TaskExecutor)? { nil }
}

/// What both ends have in common: reading and writing messages with back-pressure.
protocol MessageEndpoint: CallEndpoint {
  func withStreams<Result, Failure: Error>(
    _ body: (inout CallStreams) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result
}

extension MessageEndpoint {
  /// The next message, or nil when the peer sent its last one.
  nonisolated(nonsending) func receive<M: Message>(_ type: M.Type) async throws(RPCError) -> M? {
    var message = M()
    while true {
      let (taken, driver) = try withStreams { streams throws(RPCError) in try streams.take(into: &message) }
      driver?.callNeedsAttention(self)
      switch taken {
      case .message: return message
      case .end: return nil
      case .nothingYet: try await waitForMessage()
      case .large: if let message = try await receiveLarge(type) { return message }
      }
    }
  }

  nonisolated(nonsending) private func receiveLarge<M: Message>(_ type: M.Type) async throws(RPCError) -> M? {
    let taken = try withStreams { streams throws(RPCError) in try streams.takeEncoded() }
    guard let (message, executor, driver) = taken else { return nil }
    driver?.callNeedsAttention(self)
    let result = await withTaskExecutorPreference(executor) { await message.decode(type) }
    try withStreams { streams throws(RPCError) in try streams.decoded() }?.callNeedsAttention(self)
    return try result.get()
  }

  /// The only message of a direction that does not stream.
  nonisolated(nonsending) func receiveOnly<M: Message>(_ type: M.Type) async throws(RPCError) -> M {
    guard let message = try await receive(type) else {
      throw RPCError(.internalError, "the stream ended without a message where one was expected")
    }
    return message
  }

  /// The next message if it is there already and not large.
  func takeReady<M: Message>(into message: inout M) throws(RPCError) -> Bool {
    let (taken, driver) = try withStreams { streams throws(RPCError) in try streams.take(into: &message) }
    driver?.callNeedsAttention(self)
    return taken == .message
  }

  /// Queues a message and waits while too much is queued.
  nonisolated(nonsending) func send<M: Message>(_ message: M) async throws(RPCError) {
    let encoded = await encodeElsewhere(message)
    let (driver, mustWait) = try withStreams { streams throws(RPCError) in
      (try streams.append(message, encoded: encoded), streams.mustWait)
    }
    driver?.callNeedsAttention(self)
    if mustWait { try await waitForRoom() }
  }

  /// - Returns: nil for a message that is to be encoded here.
  @inline(__always)
  nonisolated(nonsending) func encodeElsewhere<M: Message>(_ message: M) async -> EncodedResponse? {
    let cost = message.encodingCost
    return cost < MessageWriter.largeCompressedCostMin ? nil : await encodeElsewhere(message, cost: cost)
  }

  nonisolated(nonsending) private func encodeElsewhere<M: Message>(_ message: M, cost: Int) async -> EncodedResponse? {
    guard let (executor, compression) = withStreams({ $0.elsewhere(cost: cost) }) else { return nil }
    return await withTaskExecutorPreference(executor) { await MessageWriter.encode(message, compression) }
  }

  nonisolated(nonsending) private func waitForMessage() async throws(RPCError) {
    let epoch = withStreams { $0.parking.epoch }
    try throwIfCancelled()
    await withTaskCancellationHandler {
      await withUnsafeContinuation { (waiter: Parking.Waiter) in
        let sleeps = withStreams { streams in
          guard !streams.inbound.isReady, streams.inboundEnd == nil, streams.failure == nil else { return false }
          return streams.parking.park(reader: waiter, epoch: epoch)
        }
        if !sleeps { waiter.resume() }
      }
    } onCancel: {
      wakeAllAfterCancellation()
    }
    try throwIfCancelled()
  }

  nonisolated(nonsending) private func waitForRoom() async throws(RPCError) {
    while withStreams({ $0.mustWait }) {
      let epoch = withStreams { $0.parking.epoch }
      try throwIfCancelled()
      await withTaskCancellationHandler {
        await withUnsafeContinuation { (waiter: Parking.Waiter) in
          let sleeps = withStreams { streams in
            streams.mustWait && streams.parking.park(writer: waiter, epoch: epoch)
          }
          if !sleeps { waiter.resume() }
        }
      } onCancel: {
        wakeAllAfterCancellation()
      }
    }
    try withStreams { streams throws(RPCError) in try streams.checkOutbound() }
  }

  private func wakeAllAfterCancellation() {
    withStreams { $0.parking.takeAllAfterCancellation() }.resume()
  }

  /// The call's own end says more than the cancellation that follows from it.
  private func throwIfCancelled() throws(RPCError) {
    guard Task.isCancelled else { return }
    throw withStreams { $0.failure } ?? RPCError(.cancelled, "the task was cancelled")
  }
}
