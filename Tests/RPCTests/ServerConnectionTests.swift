import HTTP2
import Synchronization
import Testing

@testable import RPC

/// Our server's connection and a scripted client, without sockets and on one thread.
@Suite struct ServerConnectionTests {
  /// nghttp2 knows streams by pointers that it does not own. A handler that still runs when its stream, other streams in the
  /// same memory, and at last the whole connection are gone must neither touch freed memory (run this under
  /// AddressSanitizer) nor speak for another call.
  @Test func aHandlerOutlivesItsStreamAndItsConnection() throws {
    let gate = Gate()
    var pair: ServerPair? = try ServerPair(handlers: [
      .unary(ServerPair.method("Slow")) { (request: Bench.EchoRequest, context) in
        await gate.wait()
        context.setTrailingMetadata(["x-late": "yes"])
        return Bench.EchoReply(id: request.id, name: "slow")
      },
      .unary(ServerPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id, name: "fast") },
    ])
    let slow = try #require(pair).call("Slow", id: 1)
    try pair?.exchange()
    pair?.client.session.reset(slow, .cancel)
    try pair?.exchange()
    // The calls that follow may use what the first one left behind.
    for id in UInt64(2)..<60 {
      let stream = try #require(pair).call("Fast", id: id)
      try pair?.exchange()
      #expect(pair?.client.reply(stream) == Bench.EchoReply(id: id, name: "fast"))
      #expect(pair?.client.streams[stream]?.trailers["grpc-status"] == "0")
    }
    let open = try #require(pair).call("Slow", id: 60)
    try pair?.exchange()
    let executor = pair?.executor
    pair?.connection.disconnected()
    let client = pair?.client
    pair = nil
    #expect(gate.waiting == 2)
    gate.open()
    executor?.drain()
    #expect(gate.passed == 2)
    #expect(client?.reply(open) == nil)
  }

  @Test func aHandlerThatEndsAfterItsResetLeavesTheConnectionAlone() throws {
    let gate = Gate()
    let pair = try ServerPair(handlers: [
      .serverStreaming(ServerPair.method("Slow", .serverStreaming)) { (_: Bench.StreamRequest, responses, _) in
        await gate.wait()
        try await responses.write(Bench.EchoReply(id: 1))
      },
      .unary(ServerPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) },
    ])
    let slow = pair.call("Slow", id: 1)
    try pair.exchange()
    pair.client.session.reset(slow, .cancel)
    try pair.exchange()
    let fast = pair.call("Fast", id: 2)
    gate.open()
    try pair.exchange()
    #expect(pair.client.reply(fast)?.id == 2)
    #expect(pair.client.streams[slow]?.data.isEmpty == true)
    #expect(pair.connection.callCount == 0)
  }

  @Test func aDeadlineFarBeyondTheClockIsNoDeadline() throws {
    let pair = try ServerPair(handlers: [
      .unary(ServerPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) }
    ])
    let stream = pair.call("Fast", id: 3, extra: ("grpc-timeout", "99999999H"))
    try pair.exchange()
    #expect(pair.client.reply(stream)?.id == 3)
  }
}

/// Handlers wait here until the test lets them go on.
private final class Gate: Sendable {
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

private final class ServerPair {
  let executor = TestExecutor()
  let connection: ServerConnection
  let client = ScriptedClient()
  private let host: Host

  static func method(_ name: String, _ kind: MethodDescriptor.Kind = .unary) -> MethodDescriptor {
    MethodDescriptor(service: "t", method: name, kind: kind)
  }

  init(handlers: [MethodHandler]) throws {
    host = Host(executor: executor)
    connection = ServerConnection(
      router: Router(handlers: handlers), configuration: ServerConfiguration(), peer: .inMemory, observer: Nobody(),
      host: host, now: .now)
    host.attend = { [unowned connection] in connection.needsAttention($0) }
    try exchange()
  }

  func call(_ method: String, id: UInt64, extra: (String, String)? = nil) -> StreamID {
    client.call("/t/\(method)", Bench.EchoRequest(id: id), extra: extra)
  }

  func exchange() throws {
    while true {
      var fromClient: [UInt8] = []
      while let octets = try client.session.nextOutput() { fromClient.append(contentsOf: octets) }
      try fromClient.withUnsafeBytes { try connection.receive($0, now: .now) }
      executor.drain()
      connection.flush(now: .now)
      var fromServer: [UInt8] = []
      while let octets = try connection.nextOutput() { fromServer.append(contentsOf: octets) }
      try fromServer.withUnsafeBytes { try client.session.receive($0, now: 0) }
      if fromClient.isEmpty, fromServer.isEmpty { return }
    }
  }

  private final class Nobody: ServerObserver {
    func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {}
    func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {}
    func callRefused(_ reason: RefusalReason) {}
    func streamReset(_ code: ErrorCode) {}
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
private final class ScriptedClient: SessionDelegate {
  final class Stream {
    var body: [UInt8] = []
    var data: [UInt8] = []
    var trailers: [String: String] = [:]
  }

  let session = Session(role: .client, now: 0)
  private(set) var streams: [StreamID: Stream] = [:]

  init() { session.start(delegate: self) }

  func call(_ path: String, _ request: Bench.EchoRequest, extra: (String, String)?) -> StreamID {
    let stream = Stream()
    stream.body = [0, 0, 0, 0, UInt8(request.serializedBytes().count)] + request.serializedBytes()
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

  func received(fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject) {
    (stream as! Stream).trailers[name.text] = value.text
  }

  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}

  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    (stream as! Stream).data.append(contentsOf: data)
    session.consume(id, data.count)
  }

  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {}

  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let stream = stream as! Stream
    room.copyBytes(from: stream.body)
    defer { stream.body = [] }
    return .end(stream.body.count)
  }

  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedSettings() {}
}

/// Whether a handler ended before it had to wait.
private final class Done: Sendable {
  let value = Atomic<Bool>(false)
}
