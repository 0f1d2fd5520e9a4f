internal import CNghttp2

/// The C side of a session: each callback finds the `SessionContext`, counts, and tells the delegate.
///
/// C function pointers capture nothing, so they stand alone here. nghttp2 keeps a copy of the table.
enum Callbacks {
  /// Filled once and only read from then on.
  nonisolated(unsafe) static let table: OpaquePointer = {
    var table: OpaquePointer?
    precondition(nghttp2_session_callbacks_new(&table) == 0, "out of memory")
    nghttp2_session_callbacks_set_on_begin_frame_callback(table, beginFrame)
    nghttp2_session_callbacks_set_on_begin_headers_callback(table, beginHeaders)
    nghttp2_session_callbacks_set_on_header_callback2(table, header)
    nghttp2_session_callbacks_set_on_frame_recv_callback(table, frameReceived)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, dataReceived)
    nghttp2_session_callbacks_set_on_stream_close_callback(table, streamClosed)
    nghttp2_session_callbacks_set_on_frame_send_callback(table, frameSent)
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(table, extensionChunk)
    nghttp2_session_callbacks_set_unpack_extension_callback(table, unpackExtension)
    return table!
  }()

  /// Reads a stream's body; nghttp2 calls it when the windows have room.
  static let readData: nghttp2_data_source_read_callback = { session, id, buffer, length, flags, _, user in
    guard let stream = lentState(session, id, user), let buffer, let flags else {
      return ssize_t(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: length)
    let production = lend(user, stream) { context, events, stream in
      let production = events.produceData(for: stream, id: StreamID(rawValue: id), into: room)
      return context.noteData(production, roomBytes: length) ? production : nil
    }
    guard let production else { return ssize_t(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
    switch production {
    case .octets(let count): return count
    case .end(let count):
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      return count
    case .endWithTrailers(let count):
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      return count
    case .later: return ssize_t(NGHTTP2_ERR_DEFERRED.rawValue)
    case .failed: return ssize_t(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
  }

  private static let beginFrame: nghttp2_on_begin_frame_callback = { session, header, user in
    let header = header!.pointee
    let mayGoOn = lend(user) { context in
      context.frameBegan(
        type: header.type, flags: header.flags, length: header.length, stream: header.stream_id,
        isOpen: { nghttp2_session_get_stream_user_data(session, header.stream_id) != nil })
    }
    return mayGoOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }

  /// Frames of unknown types are shown to `beginFrame` only when somebody claims to understand them. Their payload is skipped.
  private static let extensionChunk: nghttp2_on_extension_chunk_recv_callback = { _, _, _, _, _ in
    NGHTTP2_ERR_CANCEL.rawValue
  }

  private static let unpackExtension: nghttp2_unpack_extension_callback = { _, _, _, _ in NGHTTP2_ERR_CANCEL.rawValue }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { session, frame, user in
    let frame = frame!
    return lend(user) { context in
      let id = frame.pointee.hd.stream_id
      guard context.isServer, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
        context.headerBlockBegan(on: lentState(session, id, user), isTrailer: context.isServer)
        return 0
      }
      context.headerBlockBegan(on: nil, isTrailer: false)
      guard let stream = context.events._withUnsafeGuaranteedRef({ $0.streamOpened(StreamID(rawValue: id)) }) else {
        nghttp2_submit_rst_stream(session, 0, id, ErrorCode.refusedStream.rawValue)
        return 0
      }
      context.headerBlockBegan(on: stream, isTrailer: false)
      context.recent = (id, stream)
      return nghttp2_session_set_stream_user_data(session, id, stream.toOpaque())
    }
  }

  private static let header: nghttp2_on_header_callback2 = { session, frame, name, value, flags, user in
    let isSecret = UInt32(flags) & NGHTTP2_NV_FLAG_NO_INDEX.rawValue != 0
    let code: ErrorCode
    switch lend(user, { $0.receivedField(name: name!, value: value!, isSecret: isSecret) }) {
    case .take, .skip: return 0
    case .violation: return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    case .drop: code = .enhanceYourCalm
    case .malformed: code = .protocolError
    }
    // The rest of the block is read for the sake of its table alone.
    nghttp2_submit_rst_stream(session, 0, frame!.pointee.hd.stream_id, code.rawValue)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { session, frame, user in
    let frame = frame!
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
      if UInt32(header.type) == NGHTTP2_HEADERS.rawValue, !lend(user, { $0.headerBlockEnded() }) {
        return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
      }
      guard let stream = lentState(session, header.stream_id, user) else { return 0 }
      let id = StreamID(rawValue: header.stream_id)
      let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
      let isHeaders = UInt32(header.type) == NGHTTP2_HEADERS.rawValue
      let isInOrder = lend(user) { context in
        guard context.isServer else { return true }
        if isHeaders { return context.admitHeaders(id.rawValue, endsStream: endsStream) }
        return !endsStream || context.admitEnd(id.rawValue)
      }
      guard isInOrder else {
        nghttp2_submit_rst_stream(session, 0, id.rawValue, ErrorCode.protocolError.rawValue)
        return 0
      }
      if isHeaders {
        lend(user, stream) { context, events, stream in
          events.receivedHeaders(
            kind(of: frame.pointee.headers, isServer: context.isServer), on: stream, id: id,
            isTooLarge: context.isHeaderListTooLarge)
        }
      }
      // The headers' receiver may have ended the stream's use; its object is looked up again.
      if endsStream, let stream = lentState(session, header.stream_id, user) {
        lend(user, stream) { context, events, stream in events.receivedEnd(on: stream, id: id) }
      }
    case NGHTTP2_SETTINGS.rawValue:
      if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { context(user).delegate.receivedSettings() }
    case NGHTTP2_PING.rawValue:
      guard header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 else { return 0 }
      let payload = withUnsafeBytes(of: frame.pointee.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) }
      context(user).delegate.receivedPingAcknowledgement(UInt64(bigEndian: payload))
    case NGHTTP2_GOAWAY.rawValue:
      let goAway = frame.pointee.goaway
      let message = UnsafeRawBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
      context(user).delegate.receivedGoAway(
        lastStream: StreamID(rawValue: goAway.last_stream_id), code: ErrorCode(rawValue: goAway.error_code),
        message: String(decoding: message.prefix(goAwayMessageBytesMax), as: UTF8.self))
    default: break
    }
    return 0
  }

  private static let dataReceived: nghttp2_on_data_chunk_recv_callback = { session, _, id, data, length, user in
    guard let stream = lentState(session, id, user) else {
      // Nobody will consume it.
      nghttp2_session_consume(session, id, length)
      return 0
    }
    guard lend(user, { $0.admitData(id, length) }) else {
      nghttp2_session_consume(session, id, length)
      nghttp2_submit_rst_stream(session, 0, id, ErrorCode.protocolError.rawValue)
      return 0
    }
    lend(user, stream) { context, events, stream in
      events.received(
        data: UnsafeRawBufferPointer(start: data, count: length), on: stream, id: StreamID(rawValue: id))
    }
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { session, id, code, user in
    guard let stream = lentState(session, id, user) else { return 0 }
    nghttp2_session_set_stream_user_data(session, id, nil)
    lend(user, stream) { context, events, stream in
      context.streamClosed(stream, id: id)
      if !context.resetsAfterEnd.isEmpty { context.resetsAfterEnd.removeAll { $0 == id } }
      events.streamClosed(stream, id: StreamID(rawValue: id), code: ErrorCode(rawValue: code))
    }
    return 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { session, frame, user in
    let header = frame!.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      if lend(user, { $0.resetsAfterEnd.isEmpty }) { return 0 }
      let context = context(user)
      guard !context.resetsAfterEnd.isEmpty, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
        let index = context.resetsAfterEnd.firstIndex(of: header.stream_id)
      else { return 0 }
      context.resetsAfterEnd.remove(at: index)
      // The peer may have ended it meanwhile.
      guard nghttp2_session_get_stream_remote_close(session, header.stream_id) == 0 else { return 0 }
      nghttp2_submit_rst_stream(session, 0, header.stream_id, ErrorCode.noError.rawValue)
    case NGHTTP2_RST_STREAM.rawValue:
      let code = ErrorCode(rawValue: frame!.pointee.rst_stream.error_code)
      context(user).delegate.sentReset(code)
      if !context(user).resetSent(code: code) { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
    case NGHTTP2_GOAWAY.rawValue:
      context(user).delegate.sentGoAway(ErrorCode(rawValue: frame!.pointee.goaway.error_code))
    default: break
    }
    return 0
  }

  private static func context(_ user: UnsafeMutableRawPointer?) -> SessionContext {
    Unmanaged<SessionContext>.fromOpaque(user!).takeUnretainedValue()
  }

  /// The context without counting the reference: the session that calls back owns it.
  @inline(__always)
  private static func lend<Result>(_ user: UnsafeMutableRawPointer?, _ body: (SessionContext) -> Result) -> Result {
    Unmanaged<SessionContext>.fromOpaque(user!)._withUnsafeGuaranteedRef(body)
  }

  /// The same with who hears of a stream, and the stream's object, which the delegate keeps until `streamClosed` is done.
  @inline(__always)
  private static func lend<Result>(
    _ user: UnsafeMutableRawPointer?, _ stream: Unmanaged<AnyObject>,
    _ body: (SessionContext, SessionEvents, AnyObject) -> Result
  ) -> Result {
    lend(user) { context in
      context.events._withUnsafeGuaranteedRef { events in
        stream._withUnsafeGuaranteedRef { stream in body(context, events, stream) }
      }
    }
  }

  /// The object of an open stream.
  @inline(__always)
  private static func lentState(
    _ session: OpaquePointer?, _ id: Int32, _ user: UnsafeMutableRawPointer?
  ) -> Unmanaged<AnyObject>? {
    lend(user) { context in
      if let recent = context.recent, recent.id == id { return recent.stream }
      guard let state = nghttp2_session_get_stream_user_data(session, id) else { return nil }
      let stream = Unmanaged<AnyObject>.fromOpaque(state)
      context.recent = (id, stream)
      return stream
    }
  }

  private static func kind(of headers: nghttp2_headers, isServer: Bool) -> HeadersKind {
    switch headers.cat {
    case NGHTTP2_HCAT_REQUEST: .request
    // nghttp2 calls a final response after 1xx plain HEADERS too; the delegate tells them apart by `:status`.
    case NGHTTP2_HCAT_RESPONSE: .response
    default: .trailers
    }
  }

  /// Octets of a GOAWAY's text that are kept.
  private static let goAwayMessageBytesMax = 256
}
