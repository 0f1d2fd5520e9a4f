public import HTTP2

/// A server's end of one connection without input and output: octets in, calls to handlers, octets out.
///
/// Belongs to one thread or event loop, which feeds it and calls `flush` afterwards. Handlers run as tasks that
/// the host starts; from any thread they reach the connection through its driver only.
public final class ServerConnection {
  let rules: ServerRules
  /// Also here: every header field is shown to it, and one step less is several references less to count.
  let router: Router
  public let peer: Peer
  /// Owns this object. Not counted: it is asked for with every call.
  unowned(unsafe) let host: any ServerConnectionHost
  let driver: any CallDriver
  /// That of the rules, also here: it is told of every call.
  let observer: any ServerObserver
  let session: Session
  // One thread owns this object and nothing below is handed out by reference, so overlapping access cannot happen;
  // checking for it at run time would cost some hundred nanoseconds a call.
  /// Of the current header block.
  @exclusivity(unchecked) var head = RequestHead()
  /// The time of what is being processed.
  @exclusivity(unchecked) var now: ContinuousClock.Instant {
    didSet { elapsed = nanoseconds(now) }
  }
  /// The same in nanoseconds of the connection's life; durations of calls need no 128-bit division then.
  @exclusivity(unchecked) private(set) var elapsed: UInt64 = 0
  private let startedAt: ContinuousClock.Instant
  @exclusivity(unchecked) var calls = CallTable()
  @exclusivity(unchecked) private var ready: [ServerCall] = []
  @exclusivity(unchecked) var memory = HeldMemory()
  /// Octets of DATA that the session took for the client.
  @exclusivity(unchecked) public internal(set) var sentBytes: UInt64 = 0
  /// Whether the observer heard that the connection is being closed.
  private var isClosing = false
  private(set) var state = State.serving
  /// When the first of the running calls has to be ended; nil when none has a deadline.
  public var nextDeadline: ContinuousClock.Instant? { deadline.map { ContinuousClock().systemEpoch.advanced(by: $0) } }
  /// The same since the clock's epoch.
  private var deadline: Duration?

  public enum State: Sendable { case serving, announcingShutdown, shuttingDown }

  public convenience init(
    router: Router, configuration: ServerConfiguration, peer: Peer, observer: any ServerObserver,
    host: any ServerConnectionHost, now: ContinuousClock.Instant
  ) {
    self.init(
      rules: ServerRules(router: router, configuration: configuration, observer: observer), peer: peer, host: host, now: now)
  }

  /// - Parameters:
  ///   - host: Not kept alive; it outlives this connection.
  ///   - memory: What sessions of the same thread share; nil for malloc.
  public init(
    rules: ServerRules, peer: Peer, host: any ServerConnectionHost, memory: SessionMemory? = nil,
    now: ContinuousClock.Instant
  ) {
    self.rules = rules
    self.router = rules.router
    self.peer = peer
    self.host = host
    self.driver = host.driver
    self.observer = rules.observer
    self.now = now
    self.startedAt = now
    self.session = Session(
      role: .server, settings: rules.configuration.settings, limits: rules.configuration.limits, memory: memory, now: 0)
    self.session.start(delegate: self)
  }

  var configuration: ServerConfiguration { rules.configuration }

  /// Calls whose streams are open.
  public var callCount: Int { calls.count }

  /// Whether everything is said and answered after a shutdown or an error.
  public var isFinished: Bool { session.isFinished }

  // MARK: Octets

  /// Reads what the client sent, and runs or wakes handlers.
  ///
  /// - Throws: The connection has to end: `terminate`, `flush`, send what `nextOutput` gives, close.
  public func receive(_ octets: UnsafeRawBufferPointer, now: ContinuousClock.Instant) throws(HTTP2Error) {
    self.now = now
    try session.receive(octets, now: elapsed)
  }

  /// Turns what handlers did into frames. Call it after `receive` and whenever calls needed attention.
  public func flush(now: ContinuousClock.Instant) {
    self.now = now
    var index = 0
    // Attending may run code that makes more calls ready.
    while index < ready.count {
      attend(ready[index])
      index += 1
    }
    ready.removeAll(keepingCapacity: true)
  }

  /// The next octets for the client, valid until the next call; nil when there is nothing to send now.
  public func nextOutput() throws(HTTP2Error) -> UnsafeRawBufferPointer? {
    if let octets = try session.nextOutput() { return octets }
    calls.recycle()
    return nil
  }

  /// Notes a call for the next `flush`.
  public func needsAttention(_ call: any CallEndpoint) {
    ready.append(unsafeDowncast(call, to: ServerCall.self))
  }

  // MARK: Time

  /// Ends calls whose deadline passed, and finds the next deadline.
  public func expireCalls(now: ContinuousClock.Instant) {
    self.now = now
    let sinceEpoch = ContinuousClock().systemEpoch.duration(to: now)
    deadline = nil
    for call in calls.all {
      guard let due = call.stream.deadline else { continue }
      if due <= sinceEpoch {
        call.stream.deadline = nil
        call.expire()
      } else {
        noteDeadline(due)
      }
    }
  }

  /// - Parameter due: Since the clock's epoch.
  func noteDeadline(_ due: Duration) {
    deadline = deadline.map { min($0, due) } ?? due
  }

  // MARK: The end

  public func ping(_ payload: UInt64) {
    session.ping(payload)
  }

  /// First phase of a graceful end: the client is told, and a ping finds out when it knows.
  public func beginShutdown() {
    guard state == .serving else { return }
    state = .announcingShutdown
    session.submitShutdownNotice()
    session.ping(ServerConnection.shutdownPing)
  }

  /// Second phase: calls the client began so far are served, then the connection is finished. Follows the first
  /// by itself once the client answered; the host calls it when the client takes too long.
  public func finishShutdown() {
    guard state != .shuttingDown else { return }
    state = .shuttingDown
    session.submitGoAway(.noError)
  }

  /// Says GOAWAY because of an error.
  public func terminate(_ error: HTTP2Error) {
    noteClosing(ClosingReason(error))
    session.terminate(error.goAwayCode)
  }

  /// Says GOAWAY because the peer asks for more than this server gives.
  public func terminate(_ reason: ClosingReason) {
    noteClosing(reason)
    session.terminate(.enhanceYourCalm)
  }

  /// The first reason counts; what follows from it does not.
  public func noteClosing(_ reason: ClosingReason) {
    guard !isClosing else { return }
    isClosing = true
    observer.connectionClosing(reason, peer: peer)
  }

  /// Cancels every handler; their clients get `error`.
  public func cancelCalls(_ error: RPCError) {
    for call in calls.all {
      call.finish(error.status)
      call.fail(error)
    }
  }

  /// The connection is gone. Handlers are cancelled.
  public func disconnected() {
    let error = RPCError(.cancelled, "the connection to the client was lost")
    let open = calls.all
    calls.closeAll()
    for call in open { ended(call, lost: error) }
    ready.removeAll()
    _ = host.held(memory.takeAll())
  }

  // MARK: Calls

  func start(_ call: ServerCall, _ route: LentRoute, isSignalled: Bool = false, mayWait: Bool = false) {
    call.stream.pendingRoute = nil
    // What the handler does at once needs no word to the driver: the call is attended afterwards, here or by `flush`.
    if !isSignalled { call.withStreams { $0.assumeSignalled() } }
    if !mayWait, router.interceptors.isEmpty,
      let errand = route._withUnsafeGuaranteedRef({ call.runImmediately($0.handler, observer) })
    {
      call.stream.isAnswered = true
      return attend(call, errand)
    }
    ready.append(call)
    host.start(ServerWork(call: call, route: route.takeUnretainedValue(), rules: rules))
  }

  /// Octets that the connection and its calls hold.
  public var heldBytes: Int { memory.heldBytes }

  /// Responses wait for the client.
  public var hasUnsent: Bool { memory.unsentBytes > 0 }

  /// Octets that the transport holds back because the socket takes no more.
  public func noteTransport(_ sizeBytes: Int) {
    memory.noteTransport(sizeBytes)
    if let change = memory.takeReport() { _ = host.held(change) }
  }

  /// Gives memory back that calls keep for their next messages.
  public func trim() {
    for call in calls.all {
      let held = call.withStreams { streams in
        streams.trim()
        return streams.held
      }
      _ = note(held, by: call)
    }
  }

  /// Keeps account of what a call holds.
  ///
  /// - Returns: Why that is too much, or nil.
  func note(_ held: CallStreams.Held, by call: ServerCall) -> RefusalReason? {
    let change = memory.note(&call.stream, held)
    if change > 0, memory.heldBytes > rules.configuration.heldBytesMax { return .connectionMemory }
    guard let report = memory.takeReport(), !host.held(report), change > 0 else { return nil }
    return .serverMemory
  }

  /// The stream is gone: whatever still runs for it is cancelled.
  ///
  /// - Parameter lost: Why, if it was still running; made only then.
  func ended(_ call: ServerCall, lost: @autoclosure () -> RPCError) {
    let (status, uncredited) = call.withState { state in
      state.streams.detach(keeps: true)
      let uncredited = state.streams.takeUncredited()
      state.streams.releaseOutbound()
      if state.statusCode != nil { state.streams.releaseInbound() }
      return (state.statusCode, uncredited)
    }
    _ = note(CallStreams.Held(), by: call)
    var code = StatusCode.ok
    if let status {
      code = status
    } else {
      let error = lost()
      code = error.code
      call.fail(error)
    }
    if uncredited > 0 { session.consumeConnection(uncredited) }
    observer.callEnded(
      method: call.stream.method, code: code,
      nanoseconds: Int64(elapsed - call.stream.startedAt))
  }

  func attend(_ call: ServerCall) {
    attend(call, call.withState { $0.errand() })
  }

  private func attend(_ call: ServerCall, _ errand: ServerCallState.Errand) {
    guard call.stream.isOpen else { return }
    let id = call.stream.id
    if errand.credit > 0 { session.consume(id, errand.credit) }
    if let reason = note(errand.held, by: call) { return drop(call, reason) }
    switch errand.step {
    case .nothing: break
    case .more:
      if call.stream.isDeferred {
        call.stream.isDeferred = false
        session.resume(id)
      }
    case .plainHeaders: session.submitResponse(id, ResponseFields.plainHeaders, hasBody: true)
    case .headers(let metadata, let compression):
      do throws(RPCError) {
        session.submitResponse(id, try ResponseFields.headers(metadata, compression), hasBody: true)
      } catch {
        call.fail(error)
        respond(call, ResponseFields.trailersOnly(error.status, Metadata()))
      }
    case .trailersOnly(let status, let metadata):
      respond(call, ResponseFields.trailersOnly(status, metadata))
    }
  }

  /// Takes a call from its handler, whose response is more than can be held. The client is told by RST_STREAM, since a
  /// status would wait behind what it does not take; gRPC makes RESOURCE_EXHAUSTED of it.
  private func drop(_ call: ServerCall, _ reason: RefusalReason) {
    observer.callRefused(reason)
    call.fail(RPCError(.resourceExhausted, "the client takes its responses too slowly"))
    call.withState { $0.streams.releaseOutbound() }
    _ = note(CallStreams.Held(), by: call)
    session.reset(call.stream.id, .enhanceYourCalm)
  }

  /// Answers with headers alone.
  func respond(_ call: ServerCall, _ fields: HeaderFields) {
    session.submitResponse(call.stream.id, fields, hasBody: false)
    stopRequest(call)
  }

  /// The response is complete. A client that still sends is asked to stop (RFC 9113 §8.1).
  func stopRequest(_ call: ServerCall) {
    if !call.stream.requestHasEnded { session.resetAfterEnd(call.stream.id) }
  }

  private func nanoseconds(_ instant: ContinuousClock.Instant) -> UInt64 {
    let (seconds, attoseconds) = startedAt.duration(to: instant).components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
  }

  /// "muster" says nothing to the peer; it only tells this ping from keepalive's.
  static let shutdownPing: UInt64 = 0x6d75_7374_6572_0001
}

/// Where a connection's handlers run, and who hears of its pings.
public protocol ServerConnectionHost: AnyObject {
  /// Told to calls; must reach the connection's `needsAttention` on its thread.
  var driver: any CallDriver { get }
  /// Runs a handler in a task, at best at once and on this thread; `ServerWork` says how.
  func start(_ work: ServerWork)
  /// What the connection holds changed by so many octets.
  ///
  /// - Returns: Whether all connections together hold no more than they may.
  func held(_ changeBytes: Int) -> Bool
  /// The client's SETTINGS arrived: it speaks HTTP/2.
  func established()
  func pingAcknowledged(_ payload: UInt64)
}
