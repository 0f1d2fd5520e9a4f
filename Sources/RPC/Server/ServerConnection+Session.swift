public import HTTP2

/// What the session tells the connection.
extension ServerConnection: SessionDelegate {
  public func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? {
    head.removeAll()
    return calls.open(id, at: elapsed, peer: peer)
  }

  public func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? {
    head.add(name: name, value: value, router: router)?.mark
  }

  public func receivedAgain(_ mark: FieldMark, on stream: AnyObject) {
    head.add(FieldMeaning(mark))
  }

  public func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {
    guard case .request = kind else { return }
    let call = unsafeDowncast(stream, to: ServerCall.self)
    guard !isTooLarge else { return refuse(call, .headerList, ResponseFields.headersTooLarge) }
    guard head.isPost else { return refuse(call, .httpMethod, ResponseFields.methodNotAllowed) }
    guard head.isGRPC else { return refuse(call, .contentType, ResponseFields.unsupportedMediaType) }
    guard let route = head.route else {
      return refuse(call, .unknownMethod, router.unimplemented(path: String(decoding: head.path, as: UTF8.self)))
    }
    call.stream.method = route._withUnsafeGuaranteedRef { $0.index }
    guard case .known(let compression) = head.encoding else {
      return refuseEncoding(call)
    }
    var deadline: Duration?
    switch head.timeout {
    case .absent: break
    case .malformed:
      return refuse(call, .malformedTimeout, RPCStatus(code: .internalError, message: "the grpc-timeout is malformed"))
    case .after(let timeout):
      let due = ContinuousClock().systemEpoch.duration(to: now) + timeout
      noteDeadline(due)
      deadline = due
    }
    if head.metadata.hasMalformedBinary {
      return refuse(call, .malformedMetadata, RPCStatus(code: .internalError, message: "a -bin metadata value is not base64"))
    }
    call.stream.deadline = deadline
    call.withState { state in
      state.begin(
        messageBytesMax: rules.configuration.messageBytesMax, messageLimits: rules.configuration.message,
        compression: compression, driver: driver)
      route._withUnsafeGuaranteedRef { state.setMethod($0.handler.method) }
      state.deadline = deadline
      state.acceptsGzip = head.acceptsGzip
      state.exchangeMetadata(&head.metadata)
    }
    switch route._withUnsafeGuaranteedRef({ $0.handler.method.kind }) {
    // Without the message there is nothing to run, so a slow or hostile sender costs no task.
    case .unary, .serverStreaming: call.stream.pendingRoute = route
    case .clientStreaming, .bidirectional: start(call, route)
    }
  }

  public func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    let call = unsafeDowncast(stream, to: ServerCall.self)
    let isWaited = call.stream.pendingRoute != nil
    let (credit, reader, isReady, isLarge, held) = call.withStreams { streams in
      let (credit, reader) = streams.receive(data)
      // Under the lock that is held anyway; see `start`.
      if isWaited, streams.inbound.isReady { streams.assumeSignalled() }
      return (credit, reader, streams.inbound.isReady, streams.inbound.isLarge, streams.held)
    }
    if let reason = note(held, by: call) {
      observer.callRefused(reason)
      let error = RPCError(
        .resourceExhausted,
        reason == .serverMemory
          ? "the server holds too much unread data" : "the calls of this connection hold too much unread data")
      call.stream.pendingRoute = nil
      call.finish(error.status)
      call.fail(error)
      // Nobody else does when its handler was just about to begin.
      attend(call)
    }
    if credit > 0 { session.consume(id, credit) }
    reader?.resume()
    if isReady, let route = call.stream.pendingRoute { start(call, route, isSignalled: true, mayWait: isLarge) }
  }

  public func receivedEnd(on stream: AnyObject, id: StreamID) {
    let call = unsafeDowncast(stream, to: ServerCall.self)
    call.stream.requestHasEnded = true
    if call.stream.isAnswered { return }
    let reader = call.withStreams { $0.endInbound(.ok) }
    reader?.resume()
    if let route = call.stream.pendingRoute { start(call, route) }
  }

  public func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {
    let call = unsafeDowncast(stream, to: ServerCall.self)
    guard call.stream.isOpen else { return }
    calls.close(call)
    ended(call, lost: RPCError(.cancelled, "the client cancelled the call (\(code))"))
  }

  public func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let call = unsafeDowncast(stream, to: ServerCall.self)
    let (produced, writers, held) = call.withState { state in
      let (produced, writers) = state.produce(into: room)
      return (produced, writers, state.streams.held)
    }
    _ = note(held, by: call)
    for writer in writers { writer.resume() }
    switch produced {
    case .octets(let count):
      sentBytes &+= UInt64(count)
      return .octets(count)
    case .nothingYet:
      call.stream.isDeferred = true
      return .later
    case .lastOK(let count):
      sentBytes &+= UInt64(count)
      session.submitTrailers(id, ResponseFields.plainTrailersOK)
      stopRequest(call)
      return .endWithTrailers(count)
    case .last(let count, let status, let metadata):
      sentBytes &+= UInt64(count)
      session.submitTrailers(id, ResponseFields.trailers(status, metadata))
      stopRequest(call)
      return .endWithTrailers(count)
    }
  }

  public func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}

  public func receivedPingAcknowledgement(_ payload: UInt64) {
    if payload == ServerConnection.shutdownPing {
      finishShutdown()
    } else {
      host.pingAcknowledged(payload)
    }
  }

  public func receivedSettings() {
    host.established()
  }

  public func sentReset(_ code: ErrorCode) {
    observer.streamReset(code)
  }

  public func sentGoAway(_ code: ErrorCode) {
    if code != .noError { noteClosing(.error(code)) }
  }

  // MARK: Refusals

  private func refuse(_ call: ServerCall, _ reason: RefusalReason, _ status: RPCStatus) {
    refuse(call, reason, ResponseFields.trailersOnly(status, Metadata()), status)
  }

  private func refuse(
    _ call: ServerCall, _ reason: RefusalReason, _ fields: HeaderFields, _ status: RPCStatus = RPCStatus(code: .unknown)
  ) {
    observer.callRefused(reason)
    call.withState { state in
      state.begin(messageBytesMax: 0, compression: .identity, driver: nil)
      _ = state.finish(status, trailingMetadata: Metadata())
    }
    // Data that is still on its way goes nowhere.
    call.fail(RPCError(status))
    respond(call, fields)
  }

  private func refuseEncoding(_ call: ServerCall) {
    guard case .unknown(let name) = head.encoding else { return }
    let status = RPCStatus(code: .unimplemented, message: "the grpc-encoding '\(name)' is not supported")
    var fields = ResponseFields.trailersOnly(status, Metadata())
    fields.add("grpc-accept-encoding", "identity,gzip")
    refuse(call, .encoding, fields, status)
  }
}
