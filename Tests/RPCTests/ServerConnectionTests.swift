import HTTP2
import Testing

@testable import RPC

/// Our server's connection and a scripted client, without sockets and on one thread.
@Suite struct ServerConnectionTests {
  /// nghttp2 knows streams by pointers that it does not own. A handler that still runs when its stream, other streams in the
  /// same memory, and at last the whole connection are gone must neither touch freed memory (run this under
  /// AddressSanitizer) nor speak for another call.
  @Test func aHandlerOutlivesItsStreamAndItsConnection() throws {
    let gate = Gate()
    var pair: ConnectionPair? = try ConnectionPair(handlers: [
      .unary(ConnectionPair.method("Slow")) { (request: Bench.EchoRequest, context) in
        await gate.wait()
        context.setTrailingMetadata(["x-late": "yes"])
        return Bench.EchoReply(id: request.id, name: "slow")
      },
      .unary(ConnectionPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id, name: "fast") },
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
    let pair = try ConnectionPair(handlers: [
      .serverStreaming(ConnectionPair.method("Slow", .serverStreaming)) { (_: Bench.StreamRequest, responses, _) in
        await gate.wait()
        try await responses.write(Bench.EchoReply(id: 1))
      },
      .unary(ConnectionPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) },
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
    let pair = try ConnectionPair(handlers: [
      .unary(ConnectionPair.method("Fast")) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) }
    ])
    let stream = pair.call("Fast", id: 3, extra: ("grpc-timeout", "99999999H"))
    try pair.exchange()
    #expect(pair.client.reply(stream)?.id == 3)
  }
}
