public import HTTP2

/// A client's end of one connection without input and output.
///
/// Belongs to one thread or event loop, which feeds it and calls `flush` afterwards.
public final class ClientConnection {
  public struct Configuration: Sendable {
    /// Windows this side offers.
    public var settings = SessionSettings()
    /// What the server may cost.
    public var limits = SessionLimits.forClients
    /// `https` over TLS, else `http`.
    public var scheme = "http"
    /// The `:authority` of requests.
    public var authority: String
    public var userAgent = "muster-rpc/0.1"

    public init(authority: String) { self.authority = authority }
  }

  let configuration: Configuration
  unowned let host: any ClientConnectionHost
  let session: Session
  var head = ResponseHead()
  private let startedAt: ContinuousClock.Instant
  private var calls: [ClientCall?] = []
  private var freeSlots: [Int] = []
  private var ready: [ClientCall] = []
  /// Whom the connection's end left open. The session shows them until it is gone itself.
  private var lost: [ClientCall] = []
  /// The server takes no new calls: it said GOAWAY, or stream ids ran out.
  public private(set) var isDraining = false
  /// The server's reason for its GOAWAY, if it gave one.
  public private(set) var goAwayReason: String?
  public private(set) var nextDeadline: ContinuousClock.Instant?

  public init(configuration: Configuration, host: any ClientConnectionHost, now: ContinuousClock.Instant) {
    self.configuration = configuration
    self.host = host
    self.startedAt = now
    self.session = Session(role: .client, settings: configuration.settings, limits: configuration.limits, now: 0)
    self.session.start(delegate: self)
  }

  public var callCount: Int { calls.count - freeSlots.count }

  /// Streams the server allows at once.
  public var concurrentStreamsMax: Int { session.remoteConcurrentStreamsMax }

  public var isFinished: Bool { session.isFinished }

  // MARK: Octets

  public func receive(_ octets: UnsafeRawBufferPointer, now: ContinuousClock.Instant) throws(HTTP2Error) {
    let (seconds, attoseconds) = startedAt.duration(to: now).components
    try session.receive(octets, now: UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000)
  }

  /// Turns what callers did into frames.
  public func flush() {
    var index = 0
    while index < ready.count {
      attend(ready[index])
      index += 1
    }
    ready.removeAll(keepingCapacity: true)
  }

  public func nextOutput() throws(HTTP2Error) -> UnsafeRawBufferPointer? {
    try session.nextOutput()
  }

  public func needsAttention(_ call: any CallEndpoint) {
    ready.append(unsafeDowncast(call, to: ClientCall.self))
  }

  // MARK: Calls

  /// Sends a call's headers, and then what its caller writes.
  ///
  /// - Returns: false when this connection takes no new calls; the call is untouched.
  public func start(_ call: ClientCall, now: ContinuousClock.Instant) -> Bool {
    if isDraining { return false }
    guard call.isOpen else { return true }
    let fields: HeaderFields
    do throws(RPCError) {
      fields = try requestFields(call, now: now)
    } catch {
      call.fail(error)
      return true
    }
    guard let id = session.submitRequest(fields, stream: call, hasBody: true) else {
      isDraining = true
      return false
    }
    let refusals = call.stream.refusals
    call.stream = ClientStream()
    call.stream.refusals = refusals
    call.stream.id = id.rawValue
    call.stream.isOpen = true
    keep(call)
    let isOpen = call.withState { state in
      state.streams.attach(to: host.driver)
      return !state.hasEnded
    }
    if !isOpen { session.reset(id, .cancel) }
    if let deadline = call.deadline { nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline }
    return true
  }

  /// Ends calls whose deadline passed, and finds the next deadline.
  public func expireCalls(now: ContinuousClock.Instant) {
    nextDeadline = nil
    for case let call? in calls {
      guard let deadline = call.deadline, call.isOpen else { continue }
      if deadline <= now {
        call.expire()
      } else {
        nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
      }
    }
  }

  public func ping(_ payload: UInt64) {
    session.ping(payload)
  }

  /// Says GOAWAY; no call may be started any more.
  public func shutdown(_ code: ErrorCode = .noError) {
    isDraining = true
    session.terminate(code)
  }

  /// The connection is gone. Calls the server cannot have seen go back to the host, the others end with `error`.
  public func disconnected(_ error: RPCError) {
    isDraining = true
    let open = calls.compactMap { $0 }
    lost += open
    calls.removeAll()
    freeSlots.removeAll()
    ready.removeAll()
    for call in open {
      call.stream.isOpen = false
      call.withStreams { $0.detach() }
      call.fail(error)
    }
  }

  // MARK: Private

  private func keep(_ call: ClientCall) {
    if let free = freeSlots.popLast() {
      call.stream.slot = free
      calls[free] = call
    } else {
      call.stream.slot = calls.count
      calls.append(call)
    }
  }

  func noteGoAway(_ code: ErrorCode, _ message: String) {
    isDraining = true
    goAwayReason = message.isEmpty ? code.description : "\(code): \(message)"
  }

  /// - Returns: The call, perhaps the last reference to it; nil if it was released before.
  func release(_ call: ClientCall) -> ClientCall? {
    guard call.stream.isOpen else { return nil }
    let slot = call.stream.slot
    call.stream.isOpen = false
    freeSlots.append(slot)
    defer { calls[slot] = nil }
    return calls[slot]
  }

  private func attend(_ call: ClientCall) {
    let (step, credit) = call.withState { $0.attend() }
    guard call.stream.isOpen else { return }
    let id = StreamID(rawValue: call.stream.id)
    if credit > 0 { session.consume(id, credit) }
    switch step {
    case .nothing: break
    case .cancel: session.reset(id, .cancel)
    case .more:
      if call.stream.isDeferred {
        call.stream.isDeferred = false
        session.resume(id)
      }
    }
  }

  private func requestFields(_ call: ClientCall, now: ContinuousClock.Instant) throws(RPCError) -> HeaderFields {
    var fields = HeaderFields()
    fields.add(":method", "POST")
    fields.add(":scheme", configuration.scheme)
    fields.add(":path", call.method.path)
    fields.add(":authority", configuration.authority)
    fields.add("te", "trailers")
    fields.add("content-type", "application/grpc")
    fields.add("user-agent", configuration.userAgent)
    if let deadline = call.deadline { fields.add("grpc-timeout", Timeout.format(now.duration(to: deadline))) }
    if call.options.compression != .identity { fields.add("grpc-encoding", call.options.compression.rawValue) }
    fields.add("grpc-accept-encoding", "identity,gzip")
    try fields.add(call.options.metadata)
    return fields
  }
}

/// Where a connection's calls come from, and who hears of its state.
public protocol ClientConnectionHost: AnyObject {
  /// Told to calls; must reach the connection's `needsAttention` on its thread.
  var driver: any CallDriver { get }
  /// The server's SETTINGS arrived: it speaks HTTP/2 and takes calls.
  func becameReady()
  /// The server wants no new calls here.
  func beganDraining()
  /// The server did not look at the call; it can be sent elsewhere.
  func refused(_ call: ClientCall)
  func pingAcknowledged(_ payload: UInt64)
}

extension ClientCall {
  /// The deadline passed here; the server's own clock may be slower.
  public func expire() {
    cancel(RPCError(.deadlineExceeded, "the deadline passed"))
  }
}
