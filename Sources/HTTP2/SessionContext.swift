internal import CNghttp2

/// What the C callbacks of one session share: the delegate and the counts of what the peer did.
///
/// Accesses are not checked for overlap at run time: one thread owns it, nothing is handed out by reference, and every frame and
/// header field passes here.
final class SessionContext {
  /// Owns the session, and with it this object.
  unowned(unsafe) private(set) var delegate: any SessionDelegate
  /// The same delegate by the shorter way. Lent to the callbacks, so it is replaced only between them.
  @exclusivity(unchecked) private(set) var events: Unmanaged<SessionEvents>
  /// Of `SessionLimits`; the whole of it would be a large part of an idle connection.
  private let continuationsMax, headerFieldsMax, headerListBytesMax: Int
  let isServer: Bool
  /// Nanoseconds of a monotonic clock, as of the last `receive`.
  @exclusivity(unchecked) var now: UInt64
  private(set) var violation: Violation?
  /// The octets of the current header list, counted as RFC 9113 §6.5.2 does.
  @exclusivity(unchecked) private var headerListBytes = 0
  @exclusivity(unchecked) private var headerFields = 0
  @exclusivity(unchecked) private var continuations = 0
  /// Whose header block is being received; blocks never interleave (RFC 9113 §4.3). nil for a refused stream.
  @exclusivity(unchecked) private var headerStream: Unmanaged<AnyObject>?
  /// The open stream that was asked for last. Most of what happens on a stream happens in a row, and nghttp2's own way to its
  /// object is a hash table.
  @exclusivity(unchecked) var recent: (id: Int32, stream: Unmanaged<AnyObject>)?
  /// The highest id the client used.
  @exclusivity(unchecked) private var lastStream: Int32 = 0
  @exclusivity(unchecked) private var resetsReceived, resetsMade, settings, pings, priorities, windowUpdates: TokenBucket
  @exclusivity(unchecked) private var emptyData, tinyData, unknownFrames, strayHeaders, goAways: TokenBucket
  @exclusivity(unchecked) private var ignoredFrames, oversizedHeaders, windowDribbles: TokenBucket
  @exclusivity(unchecked) private var scanner: FrameScanner
  /// Frames that nghttp2 told of, or that were found to be skipped.
  @exclusivity(unchecked) private var framesAccounted: UInt64 = 0
  /// Of a server's session. In a client's, nghttp2 judges what the server answers.
  @exclusivity(unchecked) private var rules = RequestRules()
  @exclusivity(unchecked) private var known = KnownFields()
  @exclusivity(unchecked) private var isTrailer = false
  @exclusivity(unchecked) private var declaredBodies = DeclaredBodies()
  /// While `receive` runs, what opens the connection's window is summed up: nothing is sent before its end.
  @exclusivity(unchecked) var isReceiving = false
  @exclusivity(unchecked) var consumedBytes = 0
  /// The stream of the latest frame, if the frame ends it; 0 otherwise.
  @exclusivity(unchecked) private(set) var endingStream: Int32 = 0
  /// Streams to be reset with NO_ERROR once their END_STREAM went. nghttp2 drops what is queued for a stream as soon as
  /// a reset is submitted, so the reset has to wait.
  @exclusivity(unchecked) var resetsAfterEnd: [Int32] = []

  init(limits: SessionLimits, isServer: Bool, now: UInt64) {
    self.delegate = NobodyListens.instance
    self.events = .passRetained(SessionEvents())
    continuationsMax = limits.continuationsMax
    headerFieldsMax = limits.headerFieldsMax
    headerListBytesMax = limits.headerListBytesMax
    self.isServer = isServer
    self.now = now
    resetsReceived = TokenBucket(limits.resetsReceived, now: now)
    resetsMade = TokenBucket(limits.resetsMade, now: now)
    settings = TokenBucket(limits.settings, now: now)
    pings = TokenBucket(limits.pings, now: now)
    priorities = TokenBucket(limits.priorities, now: now)
    windowUpdates = TokenBucket(limits.windowUpdates, now: now)
    emptyData = TokenBucket(limits.emptyData, now: now)
    tinyData = TokenBucket(limits.tinyData, now: now)
    unknownFrames = TokenBucket(limits.unknownFrames, now: now)
    strayHeaders = TokenBucket(limits.strayHeaders, now: now)
    goAways = TokenBucket(limits.goAways, now: now)
    ignoredFrames = TokenBucket(limits.ignoredFrames, now: now)
    oversizedHeaders = TokenBucket(limits.oversizedHeaders, now: now)
    windowDribbles = TokenBucket(limits.windowDribbles, now: now)
    scanner = FrameScanner(prefaceBytes: isServer ? SessionContext.prefaceBytes : 0)
  }

  deinit {
    events.release()
  }

  func start(delegate: some SessionDelegate) {
    self.delegate = delegate
    events.release()
    events = .passRetained(DelegateEvents(delegate))
  }

  /// Counts a frame by its header, before nghttp2 spends anything on it.
  ///
  /// - Parameter isOpen: Whether the frame's stream is open; asked only where it matters.
  /// - Returns: Whether the session may go on.
  func frameBegan(type: UInt8, flags: UInt8, length: Int, stream: Int32, isOpen: () -> Bool) -> Bool {
    framesAccounted &+= 1
    endingStream = 0
    switch UInt32(type) {
    case NGHTTP2_DATA.rawValue:
      if flags & SessionContext.endStream != 0 { endingStream = stream }
      guard length < SessionContext.messagePrefixBytes || flags & SessionContext.padded != 0,
        flags & SessionContext.endStream == 0
      else { return true }
      return length == 0
        ? allow(emptyData.take(now: now), .emptyData) : allow(tinyData.take(now: now), .tinyData)
    case NGHTTP2_HEADERS.rawValue:
      continuations = 0
      if isServer, stream <= lastStream, !isOpen() { return allow(strayHeaders.take(now: now), .strayHeaders) }
      lastStream = max(lastStream, stream)
      return true
    case NGHTTP2_CONTINUATION.rawValue:
      continuations += 1
      return allow(continuations <= continuationsMax, .continuations)
    case NGHTTP2_PRIORITY.rawValue, NGHTTP2_PRIORITY_UPDATE.rawValue:
      return allow(priorities.take(now: now), .priorities)
    case NGHTTP2_RST_STREAM.rawValue: return allow(resetsReceived.take(now: now), .resetsReceived)
    case NGHTTP2_SETTINGS.rawValue:
      // nghttp2 ends the connection at an acknowledgement that it does not wait for.
      return flags & SessionContext.acknowledgement != 0 || allow(settings.take(now: now), .settings)
    // Acknowledgements too: nobody has to have asked for them.
    case NGHTTP2_PING.rawValue: return allow(pings.take(now: now), .pings)
    case NGHTTP2_WINDOW_UPDATE.rawValue: return allow(windowUpdates.take(now: now), .windowUpdates)
    case NGHTTP2_GOAWAY.rawValue: return allow(goAways.take(now: now), .goAways)
    case NGHTTP2_PUSH_PROMISE.rawValue: return true
    default: return allow(unknownFrames.take(now: now), .unknownFrames)
    }
  }

  /// Counts what nghttp2 skipped of the octets it was given since the last time.
  ///
  /// - Returns: Whether the session may go on.
  func received(_ octets: UnsafeRawBufferPointer) -> Bool {
    scanner.scan(octets)
    while framesAccounted < scanner.frames {
      framesAccounted &+= 1
      guard ignoredFrames.take(now: now) else { return allow(false, .ignoredFrames) }
    }
    return true
  }

  /// A DATA frame was filled: the peer may answer it with window updates, if its window left room for a frame.
  ///
  /// - Parameter roomBytes: What the windows and the frame's size let this side send.
  /// - Returns: Whether the session may go on.
  func noteData(_ production: Production, roomBytes: Int) -> Bool {
    let sizeBytes: Int
    switch production {
    case .octets(let count):
      if count == roomBytes, roomBytes < SessionContext.dribbleBytesMax {
        return allow(windowDribbles.take(now: now), .windowDribbles)
      }
      sizeBytes = count
    case .end(let count), .endWithTrailers(let count): sizeBytes = count
    case .later, .failed: return true
    }
    windowUpdates.credit(2)
    if sizeBytes >= SessionContext.fullBytesMin { windowDribbles.credit(1) }
    return true
  }

  /// An RST_STREAM left. The end of a call that this side lost interest in is not held against the peer.
  ///
  /// - Returns: Whether the session may go on.
  func resetSent(code: ErrorCode) -> Bool {
    if code == .noError || code == .cancel {
      ignoredFrames.credit(SessionContext.framesUnderWayMax)
      return true
    }
    return allow(resetsMade.take(now: now), .resetsMade)
  }

  /// - Parameter isTrailer: Whether the request's fields came before (server side).
  func headerBlockBegan(on stream: Unmanaged<AnyObject>?, isTrailer: Bool) {
    headerStream = stream
    headerListBytes = 0
    headerFields = 0
    self.isTrailer = isTrailer
    if isServer { rules = RequestRules() }
  }

  /// A stream is gone; should its header block still be under way, nobody wants it.
  func streamClosed(_ stream: AnyObject, id: Int32) {
    _ = declaredBodies.end(id)
    let closed = Unmanaged.passUnretained(stream).toOpaque()
    if headerStream?.toOpaque() == closed { headerStream = nil }
    if recent?.stream.toOpaque() == closed { recent = nil }
  }

  enum FieldVerdict {
    case take
    /// The list is too large; whoever sent it is told by a response.
    case skip
    /// The list is so large that even looking at its fields costs too much; the stream is reset.
    case drop
    /// No request has such a field here; the stream is reset.
    case malformed
    case violation

    /// Whether the field has to be in order, also where it is not shown.
    var isJudged: Bool { self == .take || self == .skip }
  }

  /// One field of the current header block, in nghttp2's buffers.
  ///
  /// - Parameter isSecret: The peer wants it in no table (RFC 7541 §7.1.3).
  func receivedField(name: OpaquePointer, value: OpaquePointer, isSecret: Bool) -> FieldVerdict {
    let place = headerFields
    if isServer, !isTrailer, let field = known.field(at: place, name: name, value: value) {
      let verdict = fieldBegan(listBytes: field.listBytes)
      guard verdict.isJudged, let stream = headerStream else { return verdict }
      guard rules.admit(field.judged) else { return .malformed }
      guard verdict == .take else { return verdict }
      if let mark = field.mark {
        lend(stream) { $0.receivedAgain(mark, on: $1) }
      } else {
        _ = lend(stream) { $0.received(fieldName: .init(buffer: name), value: .init(buffer: value), on: $1) }
      }
      return .take
    }
    let (nameOctets, valueOctets) = (UnsafeRawBufferPointer(buffer: name), UnsafeRawBufferPointer(buffer: value))
    let listBytes = nameOctets.count + valueOctets.count + SessionContext.fieldOverheadBytes
    let verdict = fieldBegan(listBytes: listBytes)
    guard verdict.isJudged, let stream = headerStream else { return verdict }
    let field = isServer ? RequestField(name: nameOctets, value: valueOctets) : nil
    if isServer {
      guard let field, isTrailer ? field.parts == .regular : rules.admit(field) else { return .malformed }
    }
    guard verdict == .take else { return verdict }
    let mark = lend(stream) { $0.received(fieldName: nameOctets, value: valueOctets, on: $1) }
    if let field, !isTrailer, !isSecret {
      known.remember(.init(name: name, value: value, listBytes: listBytes, judged: field, mark: mark), at: place)
    }
    return .take
  }

  func forgetFields() { known = KnownFields() }

  @inline(__always)
  private func fieldBegan(listBytes: Int) -> FieldVerdict {
    headerFields &+= 1
    headerListBytes &+= listBytes
    return headerFields <= headerFieldsMax && headerListBytes <= headerListBytesMax ? .take : verdictBeyondLimits()
  }

  private func verdictBeyondLimits() -> FieldVerdict {
    guard headerFields <= headerFieldsMax else {
      violation = .headerFields
      return .violation
    }
    if headerListBytes <= headerListBytesMax * SessionContext.listsSkippedMax { return .skip }
    return allow(oversizedHeaders.take(now: now), .oversizedHeaders) ? .drop : .violation
  }

  /// What hears of a stream, and the stream's object, without counting references.
  @inline(__always)
  private func lend<Result>(_ stream: Unmanaged<AnyObject>, _ body: (SessionEvents, AnyObject) -> Result) -> Result {
    events._withUnsafeGuaranteedRef { events in stream._withUnsafeGuaranteedRef { body(events, $0) } }
  }

  /// A header block ended (server side).
  ///
  /// - Returns: Whether it is a request or its trailers.
  func admitHeaders(_ id: Int32, endsStream: Bool) -> Bool {
    if isTrailer { return endsStream && admitEnd(id) }
    guard rules.isComplete else { return false }
    if let sizeBytes = rules.bodyBytes {
      if endsStream { return sizeBytes == 0 }
      declaredBodies.declare(id, sizeBytes)
    }
    return true
  }

  /// - Returns: Whether the body is not longer than its request said.
  @inline(__always)
  func admitData(_ id: Int32, _ sizeBytes: Int) -> Bool { declaredBodies.received(sizeBytes, of: id) }

  /// - Returns: Whether the body is as long as its request said.
  @inline(__always)
  func admitEnd(_ id: Int32) -> Bool { declaredBodies.end(id) }

  var isHeaderListTooLarge: Bool { headerListBytes > headerListBytesMax }

  /// A header block ended.
  ///
  /// - Returns: Whether the session may go on.
  func headerBlockEnded() -> Bool {
    !isHeaderListTooLarge || allow(oversizedHeaders.take(now: now), .oversizedHeaders)
  }

  /// Shows header fields to nghttp2, which copies names and values.
  @discardableResult
  func withFields(_ fields: HeaderFields, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) -> Int32 {
    withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, fields.count)) { scratch in
      fields.octets.withUnsafeBufferPointer { octets in
        fields.lay(at: UnsafeMutablePointer(mutating: octets.baseAddress), flags: 0, into: scratch)
        return body(UnsafePointer(scratch.baseAddress), fields.count)
      }
    }
  }

  private func allow(_ holds: Bool, _ kind: Violation) -> Bool {
    if !holds { violation = kind }
    return holds
  }

  /// What a field counts beside its octets (RFC 9113 §6.5.2).
  private static let fieldOverheadBytes = 32
  /// Octets before a gRPC message; no honest peer sends less at a time.
  private static let messagePrefixBytes = 5
  private static let endStream: UInt8 = 0x1
  private static let padded: UInt8 = 0x8
  private static let acknowledgement: UInt8 = 0x1
  /// RFC 9113 §3.4.
  private static let prefaceBytes = 24
  /// A list so many times as large as it may be is not even validated any more: an octet can refer to a field of 4 KiB, and
  /// each is validated, so that 64 KiB on the wire were 60 ms of work (measured).
  private static let listsSkippedMax = 4
  /// Octets of a frame below which a window is opened too slowly.
  private static let dribbleBytesMax = 256
  /// Octets of a frame that prove a reader.
  private static let fullBytesMin = 1024
  /// Frames that a peer may have sent for a stream before it hears that this side reset it.
  private static let framesUnderWayMax = 256
}

/// Stands in until the session has its delegate. A class cannot hand itself out before its parts exist.
private final class NobodyListens: SessionDelegate {
  /// Holds nothing that threads could disagree on.
  nonisolated(unsafe) static let instance = NobodyListens()

  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }
  func received(fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject) -> FieldMark? {
    nil
  }
  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}
  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {}
  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {}
  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production { .failed }
  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedSettings() {}
}
