import HTTP2
import Testing

@testable import RPC

/// Our client's connection against a server that is made to misbehave, without sockets.
@Suite struct ClientConnectionTests {
  @Test func aRefusedStreamIsHandedBackWhole() async throws {
    let pair = try Pair()
    let call = try pair.call()
    let sent = try #require(pair.server.streams[1])
    pair.server.session.reset(StreamID(rawValue: 1), .refusedStream)
    try pair.exchange()
    #expect(pair.host.refusedCalls.count == 1)
    #expect(call.isOpen)
    // Sent again, it is the same request.
    #expect(pair.client.start(call, now: .now))
    try pair.exchange()
    #expect(pair.server.streams[3]?.data == sent.data)
    pair.server.answer(3)
    try pair.exchange()
    #expect(try await call.receiveResponse(Bench.EchoReply.self).id == 9)
  }

  @Test func refusalsEndAfterSomeTries() throws {
    let pair = try Pair()
    let call = try pair.call()
    var stream: Int32 = 1
    while call.isOpen {
      pair.server.session.reset(StreamID(rawValue: stream), .refusedStream)
      try pair.exchange()
      guard call.isOpen else { break }
      stream += 2
      _ = pair.client.start(call, now: .now)
      try pair.exchange()
    }
    #expect(stream == 11)
  }

  @Test(arguments: [
    (ErrorCode.cancel, StatusCode.cancelled), (.enhanceYourCalm, .resourceExhausted), (.internalError, .internalError),
    (.inadequateSecurity, .permissionDenied), (.protocolError, .internalError),
  ])
  func aResetBecomesAStatus(_ code: ErrorCode, _ status: StatusCode) async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.session.reset(StreamID(rawValue: 1), code)
    try pair.exchange()
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.code == status)
  }

  @Test func aResetAfterAMessageLeavesTheMessage() async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.answer(1, trailers: nil)
    try pair.exchange()
    pair.server.session.reset(StreamID(rawValue: 1), .internalError)
    try pair.exchange()
    #expect(try await call.receive(Bench.EchoReply.self)?.id == 9)
    let error = await #expect(throws: RPCError.self) { _ = try await call.receive(Bench.EchoReply.self) }
    #expect(error?.code == .internalError)
  }

  @Test func aResponseCountsOnlyWithItsStatus() async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.answer(1, trailers: ["grpc-status": "9"])
    try pair.exchange()
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.code == .failedPrecondition)
  }

  @Test func severalMessagesAreNotOneResponse() async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.answer(1, messages: 2)
    try pair.exchange()
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.code == .internalError)
  }

  @Test func goAwayHandsBackWhatTheServerDidNotSee() throws {
    let pair = try Pair()
    let first = try pair.call()
    let second = try pair.call()
    // The server says it saw stream 1 only.
    pair.server.sayGoAway(lastStream: 1)
    try pair.exchange()
    #expect(pair.host.isDraining)
    #expect(pair.host.refusedCalls.count == 1)
    #expect(pair.host.refusedCalls.first === second)
    #expect(first.isOpen)
    #expect(!pair.client.start(second, now: .now))
  }

  @Test func trailersWithoutStatusAreUnknown() async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.answer(1, trailers: ["x-custom": "1"])
    try pair.exchange()
    #expect(try await call.receive(Bench.EchoReply.self)?.id == 9)
    let error = await #expect(throws: RPCError.self) { _ = try await call.receive(Bench.EchoReply.self) }
    #expect(error?.code == .unknown)
  }

  @Test(arguments: [("503", StatusCode.unavailable), ("404", .unimplemented), ("401", .unauthenticated), ("500", .unknown)])
  func plainHTTPBecomesAStatus(_ http: String, _ status: StatusCode) async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.server.session.submitResponse(
      StreamID(rawValue: 1), HeaderFields([":status": http, "content-type": "text/html"]), hasBody: false)
    try pair.exchange()
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.code == status)
  }

  @Test func aLostConnectionSaysSo() async throws {
    let pair = try Pair()
    let call = try pair.call()
    pair.client.disconnected(RPCError(.unavailable, "gone"))
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.message == "gone")
  }

  @Test func aDeadlineEndsTheCallAndResetsTheStream() async throws {
    let pair = try Pair()
    let call = try pair.call(options: CallOptions(timeout: .seconds(5)))
    let due = try #require(pair.client.nextDeadline)
    pair.client.expireCalls(now: due.advanced(by: .milliseconds(-1)))
    #expect(call.isOpen)
    pair.client.expireCalls(now: due)
    try pair.exchange()
    #expect(pair.server.streams[1]?.closed == .cancel)
    let error = await #expect(throws: RPCError.self) { _ = try await call.receiveResponse(Bench.EchoReply.self) }
    #expect(error?.code == .deadlineExceeded)
  }
}

/// A client connection and the scripted server it talks to.
private final class Pair {
  let host = Host()
  let client: ClientConnection
  let server = ScriptedServer()

  init() throws {
    client = ClientConnection(configuration: .init(authority: "test"), host: host, now: .now)
    host.connection = client
    try exchange()
  }

  func call(options: CallOptions = CallOptions()) throws -> ClientCall {
    let call = ClientCall(method: Bench.EchoMethods.unary, options: options)
    try call.sendLast(Bench.EchoRequest(id: 1, payload: [1, 2, 3]))
    #expect(client.start(call, now: .now))
    try exchange()
    return call
  }

  func exchange() throws {
    while true {
      client.flush()
      var fromClient: [UInt8] = []
      while let octets = try client.nextOutput() { fromClient.append(contentsOf: octets) }
      try fromClient.withUnsafeBytes { try server.session.receive($0, now: 0) }
      var fromServer = server.injected
      server.injected = []
      while let octets = try server.session.nextOutput() { fromServer.append(contentsOf: octets) }
      try fromServer.withUnsafeBytes { try client.receive($0, now: .now) }
      if fromClient.isEmpty, fromServer.isEmpty { return }
    }
  }
}

private final class Host: ClientConnectionHost {
  weak var connection: ClientConnection?
  var refusedCalls: [ClientCall] = []
  var isDraining = false
  lazy var driver: any CallDriver = Driver(host: self)

  func becameReady() {}
  func beganDraining() { isDraining = true }
  func refused(_ call: ClientCall) { refusedCalls.append(call) }
  func pingAcknowledged(_ payload: UInt64) {}
}

/// Everything happens on the test's task.
private final class Driver: CallDriver {
  nonisolated(unsafe) private weak var host: Host?
  init(host: Host) { self.host = host }
  func callNeedsAttention(_ call: any CallEndpoint) { host?.connection?.needsAttention(call) }
}

/// Answers only as told.
private final class ScriptedServer: SessionDelegate {
  final class Stream {
    var data: [UInt8] = []
    var body: [UInt8] = []
    var trailers: KeyValuePairs<String, String>?
    var closed: ErrorCode?
  }

  let session = Session(role: .server, now: 0)
  var streams: [Int32: Stream] = [:]
  /// Octets that go out before the session's.
  var injected: [UInt8] = []

  init() { session.start(delegate: self) }

  /// Messages, then trailers; without trailers the stream stays open.
  func answer(_ id: Int32, messages: Int = 1, trailers: KeyValuePairs<String, String>? = ["grpc-status": "0"]) {
    var writer = MessageWriter()
    for _ in 0..<messages { writer.append(Bench.EchoReply(id: 9)) }
    var body = [UInt8](repeating: 0, count: writer.queuedBytes)
    _ = body.withUnsafeMutableBytes { writer.take(into: $0) }
    streams[id]?.body = body
    streams[id]?.trailers = trailers
    session.submitResponse(
      StreamID(rawValue: id), HeaderFields([":status": "200", "content-type": "application/grpc"]), hasBody: true)
  }

  func sayGoAway(lastStream: UInt8) {
    injected = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, lastStream, 0, 0, 0, 0]
  }

  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? {
    let stream = Stream()
    streams[id.rawValue] = stream
    return .passUnretained(stream)
  }

  func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? { nil }
  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}

  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    (stream as! Stream).data.append(contentsOf: data)
    session.consume(id, data.count)
  }

  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) { (stream as! Stream).closed = code }

  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let stream = stream as! Stream
    guard !stream.body.isEmpty else { return .later }
    let count = stream.body.count
    room.copyBytes(from: stream.body)
    stream.body = []
    guard let trailers = stream.trailers else { return .octets(count) }
    session.submitTrailers(id, HeaderFields(trailers))
    return .endWithTrailers(count)
  }

  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedSettings() {}
}
