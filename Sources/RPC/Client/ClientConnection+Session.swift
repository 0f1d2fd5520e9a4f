public import HTTP2

/// What the session tells the connection.
extension ClientConnection: SessionDelegate {
  public func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }

  public func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? {
    head.add(name: name, value: value)
    return nil
  }

  public func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {
    let call = unsafeDowncast(stream, to: ClientCall.self)
    defer { head.removeAll() }
    if isTooLarge {
      return giveUp(call, RPCStatus(code: .resourceExhausted, message: "the response headers exceed the limit"))
    }
    guard let httpStatus = head.httpStatus else {
      let status = head.status ?? RPCStatus(code: .unknown, message: "the server sent trailers without grpc-status")
      return end(call, status, head.metadata)
    }
    if (100..<200).contains(httpStatus) { return }
    if let status = head.status { return end(call, status, head.metadata) }
    guard httpStatus == 200 else {
      return giveUp(call, RPCStatus(code: StatusCode(httpStatus: httpStatus), message: "the server answered HTTP \(httpStatus)"))
    }
    guard head.isGRPC else {
      return giveUp(call, RPCStatus(code: .unknown, message: "the server's response is not gRPC"))
    }
    guard let encoding = head.encoding else {
      return giveUp(call, RPCStatus(code: .internalError, message: "the server chose an unknown grpc-encoding"))
    }
    call.withState { $0.receiveHeaders(head.metadata, compression: encoding) }.resume()
  }

  public func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    let call = unsafeDowncast(stream, to: ClientCall.self)
    let (credit, reader) = call.withStreams { $0.receive(data) }
    if credit > 0 { session.consume(id, credit) }
    reader?.resume()
  }

  public func receivedEnd(on stream: AnyObject, id: StreamID) {
    let call = unsafeDowncast(stream, to: ClientCall.self)
    // Without effect after trailers.
    end(call, RPCStatus(code: .unknown, message: "the server ended the stream without a status"), Metadata())
  }

  public func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {
    guard let call = release(unsafeDowncast(stream, to: ClientCall.self)) else { return }
    let (uncredited, canRetry) = call.withState { state in
      let uncredited = state.streams.takeUncredited()
      if code == .refusedStream, call.stream.refusals < ClientConnection.refusalsMax, state.rewind() {
        return (uncredited, true)
      }
      state.streams.detach()
      return (uncredited, false)
    }
    if uncredited > 0 { session.consumeConnection(uncredited) }
    if canRetry {
      call.stream.refusals += 1
      host.refused(call)
    } else {
      call.end(ClientConnection.status(forReset: code))
    }
  }

  public func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let call = unsafeDowncast(stream, to: ClientCall.self)
    let (produced, writers) = call.withState { $0.produce(into: room) }
    for writer in writers { writer.resume() }
    switch produced {
    case .octets(let count): return .octets(count)
    case .last(let count):
      call.stream.requestHasEnded = true
      return .end(count)
    case .nothingYet:
      call.stream.isDeferred = true
      return .later
    }
  }

  public func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {
    let wasDraining = isDraining
    noteGoAway(code, message)
    if !wasDraining { host.beganDraining() }
  }

  public func receivedPingAcknowledgement(_ payload: UInt64) {
    host.pingAcknowledged(payload)
  }

  public func receivedSettings() {
    host.becameReady()
  }

  private func end(_ call: ClientCall, _ status: RPCStatus, _ metadata: Metadata) {
    call.end(status, trailingMetadata: metadata)
    // The server is done with the call; requests that are still queued would go nowhere.
    if call.stream.isOpen, !call.stream.requestHasEnded { session.reset(StreamID(rawValue: call.stream.id), .cancel) }
  }

  private func giveUp(_ call: ClientCall, _ status: RPCStatus) {
    call.end(status)
    session.reset(StreamID(rawValue: call.stream.id), .cancel)
  }

  /// PROTOCOL-HTTP2.md, "Errors".
  private static func status(forReset code: ErrorCode) -> RPCStatus {
    let message = "the server reset the stream (\(code))"
    return switch code {
    case .refusedStream: RPCStatus(code: .unavailable, message: message)
    case .cancel: RPCStatus(code: .cancelled, message: message)
    case .enhanceYourCalm: RPCStatus(code: .resourceExhausted, message: message)
    case .inadequateSecurity: RPCStatus(code: .permissionDenied, message: message)
    default: RPCStatus(code: .internalError, message: message)
    }
  }

  /// Times a call is sent again after a refusal.
  private static let refusalsMax = 5
}
