/// The state machine of a call on the server.
///
/// `fresh → headers → messages → trailers`, where a call that ends before its headers went sends trailers only.
/// Nothing here waits, sends or knows a stream.
struct ServerCallState: ~Copyable {
  var streams = CallStreams()
  var method = ServerCallState.noMethod
  var metadata = RequestMetadata.raw(RawMetadata())
  /// Since the clock's epoch. An instant's own type is the library's secret: each copy of it costs a call.
  var deadline: Duration?
  /// The handler's task, once it suspended.
  private var task: Task<Void, Never>?
  /// Whether the client takes gzip.
  var acceptsGzip = false
  var trailingMetadata = Metadata()
  private(set) var initialMetadata = Metadata()
  private(set) var compression = Compression.identity
  private var end = End.none
  private var headers = Headers.notWanted

  private enum Headers { case notWanted, wanted, gone }

  /// How the call ends. Nearly all end with `ok` and nothing more to say, which has no references to count.
  private enum End {
    case none, ok
    case status(RPCStatus)
  }

  enum RequestMetadata {
    case raw(RawMetadata)
    case ready(Metadata)
  }

  init() {}

  /// Nil until the call ends.
  var statusCode: StatusCode? {
    switch end {
    case .none: nil
    case .ok: .ok
    case .status(let status): status.code
    }
  }

  private var hasEnded: Bool {
    if case .none = end { false } else { true }
  }

  /// Calls in one place are mostly of one method, and to compare costs less than to count a reference.
  mutating func setMethod(_ method: MethodDescriptor) {
    if self.method != method { self.method = method }
  }

  mutating func begin(
    messageBytesMax: Int, messageLimits: MessageLimits = .standard, compression: Compression, driver: (any CallDriver)?
  ) {
    streams.reset(
      messageBytesMax: messageBytesMax, messageLimits: messageLimits, compression: compression, inbound: .requests)
    streams.attach(to: driver)
    deadline = nil
    task = nil
    acceptsGzip = false
    trailingMetadata = Metadata()
    initialMetadata = Metadata()
    self.compression = .identity
    end = .none
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
  @inline(__always)
  mutating func sendLast<M: Message>(_ message: M, encoded: EncodedResponse?) throws(RPCError) -> (any CallDriver)? {
    let driver = try streams.append(message, encoded: encoded)
    end = .ok
    return driver ?? streams.endOutbound()
  }

  mutating func finish(_ status: RPCStatus, trailingMetadata: Metadata) -> (any CallDriver)? {
    guard !hasEnded, streams.failure == nil else { return nil }
    end = status == .ok ? .ok : .status(status)
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
    if !hasEnded { self.task = task }
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

  /// What there is to do for a call, all of it under one lock.
  struct Errand {
    var step: Step
    /// Octets the client may send again.
    var credit: Int
    var held: CallStreams.Held
  }

  mutating func errand() -> Errand {
    let (step, credit) = attend()
    return Errand(step: step, credit: credit, held: streams.held)
  }

  /// - Returns: Also the octets the client may send again.
  mutating func attend() -> (step: Step, credit: Int) {
    let credit = streams.takeSignal()
    if headers == .gone {
      return (streams.outbound.queuedBytes > 0 || hasEnded ? .more : .nothing, credit)
    }
    if headers == .notWanted, streams.outbound.queuedBytes == 0 {
      let status: RPCStatus
      switch end {
      case .none: return (.nothing, credit)
      case .ok: status = .ok
      case .status(let other): status = other
      }
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
    if streams.outbound.queuedBytes == 0 {
      switch end {
      case .none: break
      case .ok where trailingMetadata.isEmpty: return (.lastOK(count), writers)
      case .ok: return (.last(count, .ok, trailingMetadata), writers)
      case .status(let status): return (.last(count, status, trailingMetadata), writers)
      }
    }
    return (count > 0 ? .octets(count) : .nothingYet, writers)
  }

  private static let noMethod = MethodDescriptor(service: "", method: "", kind: .unary)
}
