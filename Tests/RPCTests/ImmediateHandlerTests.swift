import HTTP2
import Synchronization
import Testing

@testable import RPC

/// Handlers that their connection runs itself, within the callback that brought the request's message.
@Suite struct ImmediateHandlerTests {
  /// A client that has not ended by the end of the answer is asked to stop, and no other.
  @Test(arguments: HandClient.RequestEnd.allCases, ["Echo", "Throws"]) func theRequestEndsWhereverItEnds(
    end: HandClient.RequestEnd, method: String
  ) throws {
    let pair = try ConnectionPair(handlers: [Self.echo, Self.throwing])
    pair.client.requestEnd = end
    let stream = pair.call(method, id: 7)
    try pair.exchange()
    #expect(pair.client.reply(stream)?.id == (method == "Echo" ? 7 : nil))
    #expect(pair.client.streams[stream]?.trailers["grpc-status"] == (method == "Echo" ? "0" : "10"))
    #expect(pair.client.streams[stream]?.closed == .noError)
    #expect(pair.connection.callCount == 0)
    #expect(pair.resetsSent == (end == .nowhere ? [.noError] : []))
  }

  /// The answer is made when the first read ends, and leaves after the second.
  @Test(arguments: ["Echo", "Throws"]) func theRequestMayEndWhileTheAnswerWaits(method: String) throws {
    let pair = try ConnectionPair(handlers: [Self.echo, Self.throwing])
    pair.client.requestEnd = .nowhere
    let stream = pair.call(method, id: 7)
    try pair.carryRequests()
    pair.client.requestEnd = .behindMessage
    pair.client.session.resume(stream)
    try pair.exchange()
    #expect(pair.client.streams[stream]?.trailers["grpc-status"] == (method == "Echo" ? "0" : "10"))
    #expect(pair.connection.callCount == 0)
    #expect(pair.resetsSent.isEmpty)
  }

  /// The octets that make a request whole can be those that are too many; its client hears of it all the same.
  @Test func aWholeRequestThatIsTooMuchIsAnswered() throws {
    var configuration = ServerConfiguration()
    configuration.heldBytesMax = 4 << 10
    let pair = try ConnectionPair(handlers: [Self.echo], configuration: configuration)
    let stream = pair.call("Echo", id: 1, payload: [UInt8](repeating: 1, count: 8 << 10))
    try pair.exchange()
    #expect(pair.refusals == [.connectionMemory])
    #expect(pair.client.streams[stream]?.trailers["grpc-status"] == "\(StatusCode.resourceExhausted.rawValue)")
    #expect(pair.connection.callCount == 0)
    #expect(pair.connection.heldBytes == 0)
    let next = pair.call("Echo", id: 2)
    try pair.exchange()
    #expect(pair.client.reply(next)?.id == 2)
  }

  /// The second message is for nobody: the answer is there already.
  @Test func moreThanOneMessageIsAnsweredOnce() throws {
    let pair = try ConnectionPair(handlers: [Self.echo])
    let stream = pair.call("Echo", id: 1, copies: 3)
    try pair.exchange()
    #expect(pair.client.reply(stream)?.id == 1)
    #expect(pair.client.streams[stream]?.trailers["grpc-status"] == "0")
    let next = pair.call("Echo", id: 2)
    try pair.exchange()
    #expect(pair.client.reply(next)?.id == 2)
    #expect(pair.connection.heldBytes == 0)
  }

  @Test func whatAHandlerThrowsIsTheStatus() throws {
    let pair = try ConnectionPair(handlers: [Self.throwing])
    let stream = pair.call("Throws", id: 1)
    try pair.exchange()
    #expect(pair.client.reply(stream) == nil)
    #expect(pair.client.streams[stream]?.trailers["grpc-status"] == "\(StatusCode.aborted.rawValue)")
    #expect(pair.client.streams[stream]?.trailers["grpc-message"] == "no")
    #expect(pair.client.streams[stream]?.trailers["x-why"] == "because")
    #expect(pair.connection.callCount == 0)
  }

  @Test func metadataGoesWithTheAnswer() throws {
    let pair = try ConnectionPair(handlers: [
      .immediate(ConnectionPair.method("Says")) { (request: Bench.EchoRequest, context) in
        try context.sendInitialMetadata(["x-first": "1"])
        context.setTrailingMetadata(["x-last": "2"])
        return Bench.EchoReply(id: request.id)
      },
      Self.echo,
    ])
    let stream = pair.call("Says", id: 1)
    try pair.exchange()
    #expect(pair.client.reply(stream)?.id == 1)
    #expect(pair.client.streams[stream]?.trailers["x-first"] == "1")
    #expect(pair.client.streams[stream]?.trailers["x-last"] == "2")
    // The next call in its place says nothing of it.
    let next = pair.call("Echo", id: 2)
    try pair.exchange()
    #expect(pair.client.streams[next]?.trailers["x-first"] == nil)
    #expect(pair.client.streams[next]?.trailers["x-last"] == nil)
  }

  /// Calls of several methods take turns in the same place.
  @Test func theContextTellsOfItsOwnCall() throws {
    let seen = Mutex<[Seen]>([])
    let handlers = ["A", "B"].map { name in
      MethodHandler.immediate(ConnectionPair.method(name)) { (request: Bench.EchoRequest, context) in
        seen.withLock {
          $0.append(
            Seen(method: context.method.method, key: context.metadata["x-key"], left: context.deadline.map { $0 - .now }))
        }
        return Bench.EchoReply(id: request.id)
      }
    }
    let pair = try ConnectionPair(handlers: handlers)
    for (name, extra) in [("A", ("x-key", "1")), ("B", ("grpc-timeout", "10S")), ("A", nil), ("B", ("x-key", "2"))] {
      _ = pair.call(name, id: 1, extra: extra)
      try pair.exchange()
    }
    let calls = seen.withLock { $0 }
    #expect(calls.map(\.method) == ["A", "B", "A", "B"])
    #expect(calls.map(\.key) == ["1", nil, nil, "2"])
    #expect(calls.map { $0.left == nil } == [true, false, true, true])
    #expect(calls.compactMap(\.left).allSatisfy { $0 <= .seconds(10) && $0 > .zero })
  }

  /// Who keeps a context keeps its call: the calls that follow take another place.
  @Test func aContextThatIsKeptStaysThatOfItsCall() throws {
    let kept = Mutex<[ServerContext]>([])
    let pair = try ConnectionPair(handlers: [
      .immediate(ConnectionPair.method("Keep")) { (request: Bench.EchoRequest, context) in
        kept.withLock { $0.append(context) }
        return Bench.EchoReply(id: request.id)
      },
      Self.echo,
    ])
    for id in UInt64(0)..<40 {
      _ = pair.call("Keep", id: id, extra: ("x-key", "\(id)"))
      let other = pair.call("Echo", id: 1000 + id, extra: ("x-key", "other"))
      try pair.exchange()
      #expect(pair.client.reply(other)?.id == 1000 + id)
    }
    // One more is still open when the connection goes.
    _ = pair.call("Keep", id: 40, extra: ("x-key", "40"))
    try pair.carryRequests()
    #expect(pair.connection.callCount == 1)
    pair.connection.disconnected()
    #expect(pair.connection.callCount == 0)
    let contexts = kept.withLock { $0 }
    #expect(contexts.map { $0.metadata["x-key"] } == (0...40).map { "\($0)" })
    #expect(contexts.allSatisfy { $0.method.method == "Keep" })
    // What they say now goes nowhere.
    for context in contexts { #expect(throws: RPCError.self) { try context.sendInitialMetadata(["x-late": "yes"]) } }
  }

  private struct Seen: Sendable {
    var method: String
    var key: String?
    var left: Duration?
  }

  private static let throwing = MethodHandler.immediate(ConnectionPair.method("Throws")) {
    (_: Bench.EchoRequest, _) -> Bench.EchoReply in
    throw RPCError(.aborted, "no", metadata: ["x-why": "because"])
  }

  private static let echo = MethodHandler.immediate(ConnectionPair.method("Echo")) { (request: Bench.EchoRequest, _) in
    Bench.EchoReply(id: request.id)
  }
}
