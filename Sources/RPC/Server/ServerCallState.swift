/// The state machine of a call on the server.
///
/// `fresh → headers → messages → trailers`, where a call that ends before its headers went sends trailers only.
/// Nothing here waits, sends or knows a stream.
struct ServerCallState: ~Copyable {
  var streams = CallStreams()
  var method = ServerCallState.noMethod
  var metadata = RequestMetadata.raw(RawMetadata())
  var deadline: ContinuousClock.Instant?
  var peer = Peer.inMemory
  /// The handler's task, once it suspended.
  private var task: Task<Void, Never>?
  /// Whether the client takes gzip.
  var acceptsGzip = false
  var trailingMetadata = Metadata()
  private(set) var initialMetadata = Metadata()
  private(set) var compression = Compression.identity
  private(set) var status: RPCStatus?
  private var headers = Headers.notWanted

  private enum Headers { case notWanted, wanted, gone }

  enum RequestMetadata {
    case raw(RawMetadata)
    case ready(Metadata)
  }

  init() {}

  mutating func begin(
    messageBytesMax: Int, messageLimits: MessageLimits = .standard, compression: Compression, driver: (any CallDriver)?
  ) {
    streams.reset(
      messageBytesMax: messageBytesMax, messageLimits: messageLimits, compression: compression, inbound: .requests)
    streams.driver = driver
    deadline = nil
    task = nil
    acceptsGzip = false
    trailingMetadata = Metadata()
    initialMetadata = Metadata()
    self.compression = .identity
    status = nil
    headers = .notWanted
  }

  /// Takes the fields of the request's headers and leaves memory for those of the next in their place.
  mutating func exchangeMetadata(_ fields: inout RawMetadata) {
    var mine = RawMetadata()
    if case .raw(let raw) = metadata { mine = raw }
    metadata = .ready(Metadata())
    swap(&mine, &fields)
    metadata = .raw(mine)
    fields.removeAll()
  }

  mutating func requestMetadata() -> Metadata {
    switch metadata {
    case .ready(let metadata): return metadata
    case .raw(let raw):
      let result = raw.metadata()
      metadata = .ready(result)
      return result
    }
  }

  mutating func sendInitialMetadata(_ metadata: Metadata) throws(RPCError) -> (any CallDriver)? {
    guard headers == .notWanted else {
      throw RPCError(.internalError, "the response headers went already")
    }
    initialMetadata = metadata
    headers = .wanted
    return streams.signal()
  }

  mutating func setCompression(_ compression: Compression) {
    guard headers == .notWanted, streams.outbound.queuedBytes == 0, compression == .identity || acceptsGzip else { return }
    self.compression = compression
    streams.outbound.compression = compression
  }

  /// - Parameter encoded: The message, if it was encoded elsewhere.
  mutating func sendLast<M: Message>(_ message: M, encoded: EncodedResponse?) throws(RPCError) -> (any CallDriver)? {
    let driver = try streams.append(message, encoded: encoded)
    status = .ok
    return driver ?? streams.endOutbound()
  }

  mutating func finish(_ status: RPCStatus, trailingMetadata: Metadata) -> (any CallDriver)? {
    guard self.status == nil, streams.failure == nil else { return nil }
    self.status = status
    self.trailingMetadata.add(contentsOf: trailingMetadata)
    return streams.endOutbound()
  }

  mutating func fail(_ error: RPCError) -> (Woken, Task<Void, Never>?) {
    let woken = streams.fail(error)
    defer { task = nil }
    return (woken, task)
  }

  /// - Returns: Whether the task is to be cancelled at once, because the call ended meanwhile.
  mutating func suspended(in task: Task<Void, Never>) -> Bool {
    if streams.failure != nil { return true }
    if status == nil { self.task = task }
    return false
  }

  mutating func handlerEnded() {
    task = nil
  }

  /// What a connection has to do next for this call.
  enum Step {
    case nothing
    /// Those of nearly every response.
    case plainHeaders
    case headers(Metadata, Compression)
    case trailersOnly(RPCStatus, Metadata)
    /// Octets or the end are there.
    case more
  }

  /// - Returns: Also the octets the client may send again.
  mutating func attend() -> (step: Step, credit: Int) {
    let credit = streams.takeSignal()
    if headers == .gone {
      return (streams.outbound.queuedBytes > 0 || status != nil ? .more : .nothing, credit)
    }
    if headers == .notWanted, streams.outbound.queuedBytes == 0 {
      guard let status else { return (.nothing, credit) }
      headers = .gone
      return (.trailersOnly(status, trailingMetadata), credit)
    }
    headers = .gone
    if compression == .identity, initialMetadata.isEmpty { return (.plainHeaders, credit) }
    return (.headers(initialMetadata, compression), credit)
  }

  enum Produced {
    case octets(Int)
    /// The end, with nothing to say but `ok`.
    case lastOK(Int)
    case last(Int, RPCStatus, Metadata)
    case nothingYet
  }

  mutating func produce(into room: UnsafeMutableRawBufferPointer) -> (Produced, [Parking.Waiter]) {
    let (count, writers) = streams.produce(into: room)
    if streams.outbound.queuedBytes == 0, status != nil {
      if isPlainOK { return (.lastOK(count), writers) }
      if let status { return (.last(count, status, trailingMetadata), writers) }
    }
    return (count > 0 ? .octets(count) : .nothingYet, writers)
  }

  /// Whether the call ends with `ok` and nothing more to say. Asked in place: a copy of a status counts references.
  private var isPlainOK: Bool { status?.code == .ok && status?.message.isEmpty == true && trailingMetadata.isEmpty }

  private static let noMethod = MethodDescriptor(service: "", method: "", kind: .unary)
}
