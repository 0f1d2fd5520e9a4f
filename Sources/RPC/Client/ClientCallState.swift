/// The state machine of a call on the client. Nothing here waits, sends or knows a stream.
struct ClientCallState: ~Copyable {
  var streams = CallStreams()
  private(set) var initialMetadata: Metadata?
  private(set) var trailingMetadata = Metadata()
  private(set) var hasEnded = false
  private let messageBytesMax: Int
  private let requestCompression: Compression

  init(messageBytesMax: Int, compression: Compression) {
    self.messageBytesMax = messageBytesMax
    self.requestCompression = compression
    streams.reset(messageBytesMax: messageBytesMax, compression: .identity, inbound: .responses)
    streams.outbound.compression = compression
    streams.outbound.keepSent()
  }

  // MARK: The caller's side

  mutating func cancel(_ error: RPCError) -> (Woken, (any CallDriver)?) {
    guard !hasEnded else { return (Woken(), nil) }
    hasEnded = true
    let woken = streams.fail(error)
    return (woken, streams.signal())
  }

  // MARK: The connection's side

  /// The response headers are here; the server works on the call, so it is not tried again.
  mutating func receiveHeaders(_ metadata: Metadata, compression: Compression) -> Woken {
    guard initialMetadata == nil, !hasEnded else { return Woken() }
    initialMetadata = metadata
    if streams.outbound.isReplayable { streams.outbound.forgetSent() }
    streams.inbound.expect(compression)
    return Woken(reader: streams.parking.takeReader())
  }

  /// The first end counts.
  mutating func end(_ status: RPCStatus, trailingMetadata: Metadata) -> Woken {
    guard !hasEnded else { return Woken() }
    hasEnded = true
    self.trailingMetadata = trailingMetadata
    if initialMetadata == nil { initialMetadata = Metadata() }
    let error = RPCError(status, metadata: trailingMetadata)
    let writers = streams.stopOutbound(
      status.code == .ok ? RPCError(.cancelled, "the server ended the call before all requests were sent") : error)
    return Woken(reader: streams.endInbound(status.code == .ok ? .ok : .error(error)), writers: writers)
  }

  enum Produced {
    case octets(Int)
    case last(Int)
    case nothingYet
  }

  mutating func produce(into room: UnsafeMutableRawBufferPointer) -> (Produced, [Parking.Waiter]) {
    let (count, writers) = streams.produce(into: room)
    if streams.outbound.queuedBytes == 0, streams.outboundHasEnded { return (.last(count), writers) }
    return (count > 0 ? .octets(count) : .nothingYet, writers)
  }

  /// A server refused the call without looking at it (REFUSED_STREAM, or GOAWAY with an older last stream).
  ///
  /// - Returns: Whether the call can be sent again from its beginning.
  mutating func rewind() -> Bool {
    guard !hasEnded, initialMetadata == nil, streams.outbound.isReplayable else { return false }
    streams.outbound.rewind()
    streams.detach()
    _ = streams.takeSignal()
    return true
  }

  enum Step {
    case nothing
    /// The caller gave up: tell the server.
    case cancel
    /// Octets or the end are there.
    case more
  }

  /// - Returns: Also the octets the server may send again.
  mutating func attend() -> (step: Step, credit: Int) {
    let credit = streams.takeSignal()
    if streams.failure != nil { return (.cancel, credit) }
    return (streams.outbound.queuedBytes > 0 || streams.outboundHasEnded ? .more : .nothing, credit)
  }
}
