internal import CNghttp2

/// One end of an HTTP/2 connection without input and output: octets in, events to the delegate, octets out.
///
/// Owns nghttp2's session. Flow control is by consumption: the windows open again only as far as the
/// delegate says it consumed, so memory is bounded by what this side offered. Methods do not mutate in Swift's
/// sense and may be called from within delegate methods, except `receive` and `nextOutput`.
/// Not thread-safe: one thread or event loop at a time.
public struct Session: ~Copyable {
  public enum Role: Sendable { case client, server }

  private let raw: OpaquePointer
  private let context: SessionContext
  /// Outlives the session.
  private let memory: SessionMemory?

  /// Starts with this side's SETTINGS (and preface) ready to be sent.
  ///
  /// - Parameters:
  ///   - memory: What sessions of the same thread share; nil for malloc.
  ///   - now: Nanoseconds of the clock that `receive` will be given.
  public init(
    role: Role, settings: SessionSettings = SessionSettings(), limits: SessionLimits = SessionLimits(),
    memory: SessionMemory? = nil, now: UInt64
  ) {
    self.memory = memory
    context = SessionContext(limits: limits, isServer: role == .server, now: now)
    var option: OpaquePointer?
    precondition(nghttp2_option_new(&option) == 0, "out of memory")
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_no_closed_streams(option, 1)
    // What a peer asks is judged by `RequestRules`.
    if role == .server { nghttp2_option_set_no_http_messaging(option, 1) }
    nghttp2_option_set_max_settings(option, limits.settingsEntriesMax)
    nghttp2_option_set_max_outbound_ack(option, limits.acknowledgementsQueuedMax)
    nghttp2_option_set_max_deflate_dynamic_table_size(option, limits.hpackTableBytesMax)
    nghttp2_option_set_peer_max_concurrent_streams(option, UInt32(settings.initialConcurrentStreamsMax))
    // Claimed so that they are counted; the first ten types are HTTP/2's own.
    for type in UInt8(10)...255 { nghttp2_option_set_user_recv_extension_type(option, type) }
    defer { nghttp2_option_del(option) }

    let user = Unmanaged.passUnretained(context).toOpaque()
    var raw: OpaquePointer?
    let result =
      role == .server
      ? nghttp2_session_server_new3(&raw, Callbacks.table, user, option, memory?.hooks)
      : nghttp2_session_client_new3(&raw, Callbacks.table, user, option, memory?.hooks)
    precondition(result == 0, "out of memory")
    self.raw = raw!
    submitSettings(settings, limits)
  }

  deinit {
    // Gives the kept buffers back while the session's memory is there.
    context.forgetFields()
    nghttp2_session_del(raw)
  }

  /// Says who hears the events; before anything else is called.
  ///
  /// - Parameter delegate: Not kept alive; it owns the session.
  public func start(delegate: any SessionDelegate) {
    context.start(delegate: delegate)
  }

  // MARK: Octets

  /// Reads what the peer sent. nghttp2 copies what it keeps, so `bytes` may be reused at once.
  ///
  /// - Throws: The connection cannot go on; say goodbye with `terminate`, send what is left, and close.
  public func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) throws(HTTP2Error) {
    context.now = now
    context.isReceiving = true
    let read = nghttp2_session_mem_recv(raw, bytes.octets, bytes.count)
    context.isReceiving = false
    if context.consumedBytes > 0 { nghttp2_session_consume_connection(raw, context.consumedBytes) }
    context.consumedBytes = 0
    if read < 0 { throw failure(Int32(read)) }
    if !context.received(bytes), let violation = context.violation { throw .violation(violation) }
  }

  /// The next octets for the peer, usually one frame; nil when there is nothing to send now. They belong to nghttp2
  /// and are valid until the next call.
  public func nextOutput() throws(HTTP2Error) -> UnsafeRawBufferPointer? {
    var start: UnsafePointer<UInt8>?
    let count = nghttp2_session_mem_send(raw, &start)
    if count < 0 { throw failure(Int32(count)) }
    return count == 0 ? nil : UnsafeRawBufferPointer(start: start, count: count)
  }

  /// Whether the session has nothing to read and write any more, for example after GOAWAY and the last stream.
  public var isFinished: Bool { nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0 }

  // MARK: Streams

  /// Opens a stream (client side).
  ///
  /// - Parameters:
  ///   - stream: The object the delegate is shown; the delegate keeps it alive until `streamClosed` is done.
  ///   - hasBody: Whether `produceData` will be asked; otherwise the request ends with its headers.
  /// - Returns: Its id, or nil when this connection has used up its ids.
  public func submitRequest(_ fields: HeaderFields, stream: AnyObject, hasBody: Bool) -> StreamID? {
    let opaque = Unmanaged.passUnretained(stream).toOpaque()
    let raw = raw
    let id = context.withFields(fields) { pointer, count in
      guard hasBody else { return nghttp2_submit_request(raw, nil, pointer, count, nil, opaque) }
      var provider = Session.dataProvider
      return nghttp2_submit_request(raw, nil, pointer, count, &provider, opaque)
    }
    return id > 0 ? StreamID(rawValue: id) : nil
  }

  /// Sends response headers (server side).
  ///
  /// - Parameter hasBody: Whether `produceData` will be asked; otherwise the response ends with its headers.
  public func submitResponse(_ id: StreamID, _ fields: HeaderFields, hasBody: Bool) {
    context.withFields(fields) { pointer, count in submitResponse(id, pointer, count, hasBody) }
  }

  /// The same with fields that nghttp2 refers to until they are sent.
  public func submitResponse(_ id: StreamID, _ fields: FixedHeaderFields, hasBody: Bool) {
    submitResponse(id, fields.entries, fields.count, hasBody)
  }

  @discardableResult
  private func submitResponse(_ id: StreamID, _ fields: UnsafePointer<nghttp2_nv>?, _ count: Int, _ hasBody: Bool) -> Int32 {
    guard hasBody else { return nghttp2_submit_response(raw, id.rawValue, fields, count, nil) }
    var provider = Session.dataProvider
    return nghttp2_submit_response(raw, id.rawValue, fields, count, &provider)
  }

  /// Sends trailers with END_STREAM. Within `produceData` the delegate then returns `.endWithTrailers`.
  public func submitTrailers(_ id: StreamID, _ fields: HeaderFields) {
    let raw = raw
    context.withFields(fields) { pointer, count in nghttp2_submit_trailer(raw, id.rawValue, pointer, count) }
  }

  /// The same with trailers that nghttp2 refers to until they are sent.
  public func submitTrailers(_ id: StreamID, _ fields: FixedHeaderFields) {
    nghttp2_submit_trailer(raw, id.rawValue, fields.entries, fields.count)
  }

  /// Asks a stream for data again that answered `.later`.
  public func resume(_ id: StreamID) {
    nghttp2_session_resume_data(raw, id.rawValue)
  }

  public func reset(_ id: StreamID, _ code: ErrorCode) {
    nghttp2_submit_rst_stream(raw, 0, id.rawValue, code.rawValue)
  }

  /// Asks the peer to stop sending once this side's END_STREAM went: RST_STREAM with NO_ERROR (RFC 9113 §8.1). Nothing is
  /// sent if the peer has ended the stream by then.
  public func resetAfterEnd(_ id: StreamID) {
    context.resetsAfterEnd.append(id.rawValue)
  }

  /// Opens the stream's and the connection's window by what was taken from `received(data:)`.
  public func consume(_ id: StreamID, _ sizeBytes: Int) {
    // Nothing more can come on a stream that ended.
    if context.endingStream != id.rawValue { nghttp2_session_consume_stream(raw, id.rawValue, sizeBytes) }
    consumeConnection(sizeBytes)
  }

  /// Opens only the connection's window, for data of a stream that is gone.
  public func consumeConnection(_ sizeBytes: Int) {
    if context.isReceiving {
      context.consumedBytes += sizeBytes
    } else {
      nghttp2_session_consume_connection(raw, sizeBytes)
    }
  }

  // MARK: Connection

  public func ping(_ payload: UInt64) {
    let raw = raw
    withUnsafeBytes(of: payload.bigEndian) { octets in
      _ = nghttp2_submit_ping(raw, 0, octets.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// First phase of a graceful end (RFC 9113 §6.8): tells the client to stop, and still takes what is on its way.
  public func submitShutdownNotice() {
    nghttp2_submit_shutdown_notice(raw)
  }

  /// Second phase: streams the peer opened so far are served, later ones are not.
  public func submitGoAway(_ code: ErrorCode, message: String = "") {
    var message = message
    let raw = raw
    let last = nghttp2_session_get_last_proc_stream_id(raw)
    message.withUTF8 { octets in
      _ = nghttp2_submit_goaway(raw, 0, last, code.rawValue, octets.baseAddress, octets.count)
    }
  }

  /// Says GOAWAY; what the peer sends from now on is ignored. Send what is left, then close.
  public func terminate(_ code: ErrorCode) {
    nghttp2_session_terminate_session(raw, code.rawValue)
  }

  /// Streams the peer lets this side have open at once.
  public var remoteConcurrentStreamsMax: Int {
    Int(nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  // MARK: Private

  private func submitSettings(_ settings: SessionSettings, _ limits: SessionLimits) {
    var entries = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindowBytes),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerListBytesMax),
      entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.hpackTableBytesMax),
      entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
    ]
    if context.isServer {
      entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax))
    } else {
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    precondition(nghttp2_submit_settings(raw, 0, entries, entries.count) == 0, "settings out of range")
    nghttp2_session_set_local_window_size(raw, 0, 0, Int32(settings.connectionWindowBytes))
  }

  private func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
    nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
  }

  private func failure(_ code: Int32) -> HTTP2Error {
    if let violation = context.violation { return .violation(violation) }
    // nghttp2 of Debian counts them itself; whoever counts first, it is the same limit.
    if code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue { return .violation(.continuations) }
    if code == NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue { return .badPreface }
    return .library(code: code, message: String(cString: nghttp2_strerror(code)))
  }

  private static var dataProvider: nghttp2_data_provider {
    nghttp2_data_provider(source: nghttp2_data_source(ptr: nil), read_callback: Callbacks.readData)
  }
}
