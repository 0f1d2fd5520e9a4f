import HTTP2
import Synchronization

@testable import RPC

/// Handlers wait here until the test lets them go on.
final class Gate: Sendable {
  private let state = Mutex((isOpen: false, waiters: [UnsafeContinuation<Void, Never>](), passed: 0))
  var waiting: Int { state.withLock { $0.waiters.count } }
  var passed: Int { state.withLock { $0.passed } }

  /// Also a cancelled task waits.
  func wait() async {
    await withUnsafeContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
    state.withLock { $0.passed += 1 }
  }

  func open() {
    let waiters = state.withLock { state in
      defer { state.waiters = [] }
      state.isOpen = true
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}

/// Our server's connection and a scripted client, without sockets and on one thread.
final class ConnectionPair {
  let executor = TestExecutor()
  let connection: ServerConnection
  let client = HandClient()
  private let host: Host
  private let notes = Notes()

  static func method(_ name: String, _ kind: MethodDescriptor.Kind = .unary) -> MethodDescriptor {
    MethodDescriptor(service: "t", method: name, kind: kind)
  }

  init(handlers: [MethodHandler], configuration: ServerConfiguration = ServerConfiguration()) throws {
    host = Host(executor: executor)
    connection = ServerConnection(
      router: Router(handlers: handlers), configuration: configuration, peer: .inMemory, observer: notes,
      host: host, now: .now)
    host.attend = { [unowned connection] in connection.needsAttention($0) }
    try exchange()
  }

  /// RST_STREAM frames that left the server.
  var resetsSent: [ErrorCode] { notes.resets.withLock { $0 } }
  var refusals: [RefusalReason] { notes.refusals.withLock { $0 } }

  func call(
    _ method: String, id: UInt64, payload: [UInt8] = [], extra: (String, String)? = nil, copies: Int = 1
  ) -> StreamID {
    client.call("/t/\(method)", Bench.EchoRequest(id: id, payload: payload), extra: extra, copies: copies)
  }

  /// What the client sends now reaches the server, which does not answer yet.
  ///
  /// - Returns: Whether there was anything.
  @discardableResult
  func carryRequests() throws -> Bool {
    var octets: [UInt8] = []
    while let frame = try client.session.nextOutput() { octets.append(contentsOf: frame) }
    try octets.withUnsafeBytes { try connection.receive($0, now: .now) }
    return !octets.isEmpty
  }

  func exchange() throws {
    while true {
      let clientSpoke = try carryRequests()
      executor.drain()
      connection.flush(now: .now)
      var fromServer: [UInt8] = []
      while let octets = try connection.nextOutput() { fromServer.append(contentsOf: octets) }
      try fromServer.withUnsafeBytes { try client.session.receive($0, now: 0) }
      if !clientSpoke, fromServer.isEmpty { return }
    }
  }

  private final class Notes: ServerObserver {
    let resets = Mutex<[ErrorCode]>([])
    let refusals = Mutex<[RefusalReason]>([])

    func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {}
    func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {}
    func callRefused(_ reason: RefusalReason) { refusals.withLock { $0.append(reason) } }
    func streamReset(_ code: ErrorCode) { resets.withLock { $0.append(code) } }
    func connectionClosing(_ reason: ClosingReason, peer: Peer) {}
  }

  private final class Host: ServerConnectionHost {
    let executor: TestExecutor
    let driver: any CallDriver
    var attend: (any CallEndpoint) -> Void = { _ in }

    init(executor: TestExecutor) {
      self.executor = executor
      let driver = Driver()
      self.driver = driver
      driver.host = self
    }

    func start(_ work: ServerWork) {
      let isDone = Done()
      let task = Task.immediate(executorPreference: executor) {
        await work.run()
        isDone.value.store(true, ordering: .relaxed)
      }
      if !isDone.value.load(ordering: .relaxed) { work.suspended(in: task) }
    }

    func held(_ changeBytes: Int) -> Bool { true }
    func established() {}
    func pingAcknowledged(_ payload: UInt64) {}
  }

  private final class Driver: CallDriver {
    nonisolated(unsafe) weak var host: Host?
    func callNeedsAttention(_ call: any CallEndpoint) { host?.attend(call) }
  }
}

/// Sends requests by hand and remembers the answers.
final class HandClient: SessionDelegate {
  final class Stream {
    var body: [UInt8] = []
    var data: [UInt8] = []
    var trailers: [String: String] = [:]
    var closed: ErrorCode?
  }

  let session = Session(role: .client, now: 0)
  private(set) var streams: [StreamID: Stream] = [:]
  var requestEnd = RequestEnd.withMessage

  /// Where END_STREAM of a request is.
  enum RequestEnd: CaseIterable { case withMessage, behindMessage, nowhere }

  init() { session.start(delegate: self) }

  func call(_ path: String, _ request: Bench.EchoRequest, extra: (String, String)?, copies: Int) -> StreamID {
    let stream = Stream()
    let message = request.serializedBytes()
    let prefix = [0] + withUnsafeBytes(of: UInt32(message.count).bigEndian, Array.init)
    stream.body = Array(repeatElement(prefix + message, count: copies).joined())
    var fields = HeaderFields([
      ":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "content-type": "application/grpc", "te": "trailers",
    ])
    if let (name, value) = extra { fields.add(name, value) }
    let id = session.submitRequest(fields, stream: stream, hasBody: true)!
    streams[id] = stream
    return id
  }

  /// The only message of an answer that is complete.
  func reply(_ id: StreamID) -> Bench.EchoReply? {
    guard let data = streams[id]?.data, data.count >= 5 else { return nil }
    do {
      return try Bench.EchoReply(serializedBytes: Array(data[5...]))
    } catch {
      return nil
    }
  }

  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }

  func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? {
    (stream as! Stream).trailers[name.text] = value.text
    return nil
  }

  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}

  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    (stream as! Stream).data.append(contentsOf: data)
    session.consume(id, data.count)
  }

  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) { (stream as! Stream).closed = code }

  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let stream = stream as! Stream
    room.copyBytes(from: stream.body)
    defer { stream.body = [] }
    if requestEnd == .withMessage { return .end(stream.body.count) }
    if !stream.body.isEmpty { return .octets(stream.body.count) }
    return requestEnd == .nowhere ? .later : .end(0)
  }

  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedSettings() {}
}

/// Whether a handler ended before it had to wait.
private final class Done: Sendable {
  let value = Atomic<Bool>(false)
}
