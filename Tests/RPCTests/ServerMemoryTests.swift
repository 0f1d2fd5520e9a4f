import HTTP2
import Synchronization
import Testing

@testable import RPC

/// What one connection of a server holds, and what becomes of calls and connections that hold too much.
@Suite struct ServerMemoryTests {
  private static let payloadBytes = 200_000

  @Test func responsesThatNobodyTakesEndWithTheirConnectionsLimit() throws {
    let pair = try ServerPair(heldBytesMax: 1 << 20, windowBytes: 0)
    for _ in 0..<8 { try pair.echo(payloadBytes: Self.payloadBytes) }
    #expect(pair.observer.refusals.withLock { $0[.connectionMemory, default: 0] } > 0)
    #expect(pair.client.resets.contains(.enhanceYourCalm))
    #expect(pair.connection.heldBytes <= 1 << 20)
    #expect(pair.connection.hasUnsent)
  }

  @Test func theServersLimitEndsCallsThatGrow() throws {
    let pair = try ServerPair(windowBytes: 0)
    pair.host.limitBytes = 500_000
    for _ in 0..<4 { try pair.echo(payloadBytes: Self.payloadBytes) }
    #expect(pair.observer.refusals.withLock { $0[.serverMemory, default: 0] } > 0)
    #expect(pair.client.resets.contains(.enhanceYourCalm))
  }

  @Test func aSmallCallGoesOnWhileTheServerIsFull() throws {
    let pair = try ServerPair()
    pair.host.limitBytes = 0
    try pair.echo(payloadBytes: 1000)
    #expect(pair.client.endedStreams == 1)
    #expect(pair.client.resets.isEmpty)
  }

  @Test func memoryGoesBackWithTheCallThatNeededIt() throws {
    let pair = try ServerPair()
    for _ in 0..<4 { try pair.echo(payloadBytes: Self.payloadBytes) }
    #expect(pair.client.endedStreams == 4)
    #expect(pair.connection.heldBytes < ServerConfiguration.heldStepBytes)
    #expect(pair.host.heldBytes < ServerConfiguration.heldStepBytes)
    #expect(!pair.connection.hasUnsent)
  }

  @Test func aConnectionThatIsGoneHoldsNothing() throws {
    let pair = try ServerPair(windowBytes: 0)
    for _ in 0..<4 { try pair.echo(payloadBytes: Self.payloadBytes) }
    #expect(pair.host.heldBytes > 4 * Self.payloadBytes)
    pair.connection.noteTransport(300_000)
    pair.connection.disconnected()
    #expect(pair.host.heldBytes == 0)
  }

  @Test func aClosingIsToldOnceWithItsFirstReason() throws {
    let pair = try ServerPair()
    pair.connection.terminate(ClosingReason.stalled)
    pair.connection.terminate(.library(code: -1, message: ""))
    try pair.exchange()
    #expect(pair.observer.closings.withLock { $0 } == [.stalled])
    #expect(pair.client.goAway == .enhanceYourCalm)
  }

  @Test func whatTheLibraryEndsIsToldToo() throws {
    let pair = try ServerPair()
    // A window increment of 0 for the connection (RFC 9113 §6.9).
    try pair.inject([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(pair.observer.closings.withLock { $0 } == [.error(.protocolError)])
  }

  @Test func aQueueGivesLargeMemoryBackWhenItIsEmpty() {
    var queue = ByteQueue()
    _ = queue.extend(by: 3 << 20)
    #expect(queue.capacity < 4 << 20)
    queue.removeFirst(3 << 20)
    #expect(queue.capacity <= ByteQueue.idleBytesMax)
  }

  @Test func aQueueKeepsItsOctetsWhileItGrows() {
    var queue = ByteQueue()
    for step in 0..<3000 {
      let octets = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 1000)
      octets.withUnsafeBytes { queue.append($0) }
      if step % 3 == 0 { queue.removeFirst(500) }
    }
    #expect(queue.count == 3000 * 1000 - 1000 * 500)
    #expect(queue.bytes.last == UInt8(truncatingIfNeeded: 2999))
    // 500 pieces of 1,000 octets are gone.
    #expect(queue.bytes.first == UInt8(truncatingIfNeeded: 500))
  }
}

/// A server's connection and a client that talks to it, without sockets.
private final class ServerPair {
  let connection: ServerConnection
  let host = ServerHost()
  let observer = ServerNotes()
  let client: ScriptedClient

  init(heldBytesMax: Int = 64 << 20, windowBytes: Int = 1 << 20) throws {
    var configuration = ServerConfiguration()
    configuration.heldBytesMax = heldBytesMax
    client = ScriptedClient(windowBytes: windowBytes)
    let router = Router(handlers: [
      .immediate(Bench.EchoMethods.unary) { (request: Bench.EchoRequest, _) in
        Bench.EchoReply(payload: [UInt8](repeating: 1, count: Int(request.id)))
      }
    ])
    connection = ServerConnection(
      router: router, configuration: configuration, peer: .inMemory, observer: observer, host: host, now: .now)
    host.connection = connection
    try exchange()
  }

  /// A small request with a large response.
  func echo(payloadBytes: Int) throws {
    client.call(Bench.EchoRequest(id: UInt64(payloadBytes)))
    try exchange()
  }

  func inject(_ octets: [UInt8]) throws {
    try octets.withUnsafeBytes { try connection.receive($0, now: .now) }
    try exchange()
  }

  func exchange() throws {
    while true {
      var fromClient: [UInt8] = []
      while let octets = try client.session.nextOutput() { fromClient.append(contentsOf: octets) }
      try fromClient.withUnsafeBytes { try connection.receive($0, now: .now) }
      connection.flush(now: .now)
      var fromServer: [UInt8] = []
      while let octets = try connection.nextOutput() { fromServer.append(contentsOf: octets) }
      try fromServer.withUnsafeBytes { try client.session.receive($0, now: 0) }
      if fromClient.isEmpty, fromServer.isEmpty { return }
    }
  }
}

private final class ServerHost: ServerConnectionHost {
  weak var connection: ServerConnection?
  var limitBytes = Int.max
  private(set) var heldBytes = 0
  lazy var driver: any CallDriver = ServerDriver(host: self)

  func start(_ work: ServerWork) { work.suspended(in: Task { await work.run() }) }
  func held(_ changeBytes: Int) -> Bool {
    heldBytes += changeBytes
    return heldBytes <= limitBytes
  }
  func established() {}
  func pingAcknowledged(_ payload: UInt64) {}
}

/// Everything happens on the test's task.
private final class ServerDriver: CallDriver {
  nonisolated(unsafe) private weak var host: ServerHost?
  init(host: ServerHost) { self.host = host }
  func callNeedsAttention(_ call: any CallEndpoint) { host?.connection?.needsAttention(call) }
}

private final class ServerNotes: ServerObserver {
  let refusals = Mutex<[RefusalReason: Int]>([:])
  let closings = Mutex<[ClosingReason]>([])

  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {}
  func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {}
  func callRefused(_ reason: RefusalReason) { refusals.withLock { $0[reason, default: 0] += 1 } }
  func streamReset(_ code: ErrorCode) {}
  func connectionClosing(_ reason: ClosingReason, peer: Peer) { closings.withLock { $0.append(reason) } }
}

/// Sends unary calls, and takes of the responses what its window allows.
private final class ScriptedClient: SessionDelegate {
  final class Stream {
    var body: [UInt8] = []
  }

  let session: Session
  private var streams: [Stream] = []
  private(set) var resets: [ErrorCode] = []
  private(set) var endedStreams = 0
  private(set) var goAway: ErrorCode?

  init(windowBytes: Int) {
    var settings = SessionSettings()
    settings.streamWindowBytes = windowBytes
    session = Session(role: .client, settings: settings, now: 0)
    session.start(delegate: self)
  }

  func call(_ request: Bench.EchoRequest) {
    var writer = MessageWriter()
    writer.append(request)
    let stream = Stream()
    stream.body = [UInt8](repeating: 0, count: writer.queuedBytes)
    _ = stream.body.withUnsafeMutableBytes { writer.take(into: $0) }
    streams.append(stream)
    let fields = HeaderFields([
      ":method": "POST", ":scheme": "http", ":path": "/bench.Echo/Unary", ":authority": "x",
      "content-type": "application/grpc", "te": "trailers",
    ])
    _ = session.submitRequest(fields, stream: stream, hasBody: true)
  }

  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }
  func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? { nil }
  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}
  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) { session.consume(id, data.count) }
  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {
    if code == .noError { endedStreams += 1 } else { resets.append(code) }
  }
  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let stream = stream as! Stream
    let count = min(room.count, stream.body.count)
    room.copyBytes(from: stream.body[..<count])
    stream.body.removeFirst(count)
    return stream.body.isEmpty ? .end(count) : .octets(count)
  }
  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) { goAway = code }
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedSettings() {}
}
