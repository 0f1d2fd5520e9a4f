import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import RPC
import Testing

@testable import RPCTransport

/// A connection whose loop has others to deal with, without sockets.
@Suite struct ServerTurnsTests {
  private let channel = EmbeddedChannel()
  private let reads = ReadCounter()
  private let shared: ServerShared
  private let client = Client()

  init() throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    shared = ServerShared(
      router: Router(handlers: [
        .immediate(Bench.EchoMethods.unary) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) }
      ]), limits: ServerLimits(), runsHandlersOnLoop: true, group: channel.eventLoop, logger: logger)
    let handler = ServerHandler(server: shared, loop: channel.eventLoop, usesTLS: false)
    try channel.pipeline.syncOperations.addHandlers([reads, handler])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    try send()
  }

  /// Counts what was answered.
  private final class Client: SessionDelegate {
    final class Stream {}
    let session = Session(role: .client, now: 0)
    var streams: [Stream] = []
    var answered: [StreamID] = []

    init() { session.start(delegate: self) }

    func call() {
      streams.append(Stream())
      let fields = HeaderFields([
        ":method": "POST", ":scheme": "http", ":path": "/bench.Echo/Unary", ":authority": "x",
        "content-type": "application/grpc", "te": "trailers", "padding": String(repeating: "x", count: 100),
      ])
      _ = session.submitRequest(fields, stream: streams.last!, hasBody: true)
    }

    func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
      room.copyBytes(from: [0, 0, 0, 0, 2, 8, 7])
      return .end(7)
    }

    func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {
      if code == .noError { answered.append(id) }
    }

    func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }
    func received(
      fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
    ) -> FieldMark? { nil }
    func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}
    func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {}
    func receivedEnd(on stream: AnyObject, id: StreamID) {}
    func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) {}
    func receivedPingAcknowledgement(_ payload: UInt64) {}
    func receivedSettings() {}
  }

  /// Brings what the client has to say as one read, and back what the server has.
  private func send() throws {
    var octets = ByteBuffer()
    while let next = try client.session.nextOutput() { octets.writeBytes(next) }
    if octets.readableBytes > 0 { try channel.writeInbound(octets) }
    try receive()
  }

  private func receive() throws {
    while let octets = try channel.readOutbound(as: ByteBuffer.self) {
      try octets.withUnsafeReadableBytes { try client.session.receive($0, now: 0) }
    }
  }

  private func hearOthers() {
    final class Other {}
    let other = Other()
    shared.resources(of: channel.eventLoop).turns.hear(other)
  }

  @Test func callsThatCameAtOnceAreAllAnsweredInOrderAndTheSocketIsReadAgain() throws {
    for _ in 0..<3 {
      client.answered = []
      hearOthers()
      // Far more than what is dealt with in one turn.
      for _ in 0..<90 { client.call() }
      try send()
      let before = reads.count
      channel.read()
      for _ in 0..<10_000 where client.answered.count < 90 {
        channel.embeddedEventLoop.advanceTime(by: LoopTurns.breath)
        try receive()
      }
      #expect(client.answered.count == 90)
      #expect(client.answered == client.answered.sorted { $0.rawValue < $1.rawValue })
      channel.embeddedEventLoop.run()
      #expect(reads.count > before)
    }
  }

  /// The client has more to say than one read brings, and four others did so before it in this turn.
  private func sayMuchAfterOthers() throws {
    let turns = shared.resources(of: channel.eventLoop).turns
    hearOthers()
    turns.hear(self.client)
    while !turns.mustWaitAfterFullRead() {}
    for _ in 0..<90 { client.call() }
    try send()
  }

  @Test func afterAFullReadTheSocketIsNotReadBeforeItsTurn() throws {
    try sayMuchAfterOthers()
    let before = reads.count
    channel.read()
    #expect(reads.count == before)
    for _ in 0..<10_000 where reads.count == before { channel.embeddedEventLoop.advanceTime(by: LoopTurns.breath) }
    #expect(reads.count > before)
  }

  @Test func whoGoesBeforeItsTurnIsNotReadAgain() throws {
    try sayMuchAfterOthers()
    let before = reads.count
    channel.read()
    try channel.close().wait()
    channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    #expect(reads.count == before)
  }

  @Test func aClosingIsSaidInItsTurn() throws {
    for _ in 0..<2 { try channel.pipeline.syncOperations.handler(type: ServerHandler.self).close(.memory) }
    #expect(channel.isActive)
    channel.embeddedEventLoop.run()
    #expect(!channel.isActive)
  }
}
