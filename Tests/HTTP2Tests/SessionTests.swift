import Testing

@testable import HTTP2

@Suite struct SessionTests {
  @Test func aRequestAndItsResponseCross() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    let request = client.request(body: [1, 2, 3])
    try exchange(client, server)
    let id = StreamID(rawValue: 1)
    let seen = try #require(server.streams[id])
    #expect(seen.fields.map(\.0) == [":method", ":scheme", ":path", ":authority"])
    #expect(seen.data == [1, 2, 3])
    #expect(seen.hasEnded)
    server.respond(id, body: [4, 5])
    try exchange(client, server)
    #expect(request.data == [4, 5])
    #expect(request.closed == .noError)
    #expect(seen.closed == .noError)
  }

  @Test func fixedFieldsArriveEachTimeThoughTheirOriginIsGone() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    var fields: HeaderFields? = HeaderFields([":status": "200", "content-type": "application/grpc"])
    fields?.add("x-secret", "s3", isSensitive: true)
    let fixed = FixedHeaderFields(try #require(fields))
    fields = nil
    for _ in 0..<3 {
      let request = client.request(body: [1])
      try exchange(client, server)
      let id = try #require(server.streams.keys.max { $0.rawValue < $1.rawValue })
      server.session.submitResponse(id, fixed, hasBody: false)
      try exchange(client, server)
      #expect(request.fields.map(\.0) == [":status", "content-type", "x-secret"])
      #expect(request.fields.map(\.1) == ["200", "application/grpc", "s3"])
      #expect(request.closed == .noError)
    }
  }

  @Test func octetsMayArriveOneByOne() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    _ = client.request(body: [UInt8](repeating: 7, count: 1000))
    for octet in try client.output() { try server.receive([octet]) }
    #expect(server.streams[StreamID(rawValue: 1)]?.data.count == 1000)
  }

  @Test func whatIsNotConsumedHoldsTheSenderBack() throws {
    var settings = SessionSettings()
    settings.streamWindowBytes = 1000
    let client = Peer(.client)
    let server = Peer(.server, settings: settings)
    server.consumes = false
    try exchange(client, server)
    let request = client.request(body: [UInt8](repeating: 7, count: 5000))
    try exchange(client, server)
    let stream = try #require(server.streams[StreamID(rawValue: 1)])
    #expect(stream.data.count == 1000)
    #expect(request.body.count == 4000)
    server.session.consume(stream.id, 1000)
    try exchange(client, server)
    #expect(stream.data.count == 2000)
  }

  @Test func shutdownHasTwoPhases() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    _ = client.request(body: [1])
    try exchange(client, server)
    server.session.submitShutdownNotice()
    try exchange(client, server)
    #expect(client.goAway == .noError)
    #expect(!server.isFinished)
    server.session.submitGoAway(.noError)
    try exchange(client, server)
    server.respond(StreamID(rawValue: 1), body: [2])
    try exchange(client, server)
    #expect(server.isFinished)
  }

  @Test func aPingIsAnswered() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    client.session.ping(0x0102_0304_0506_0708)
    try exchange(client, server)
    #expect(client.pings == [0x0102_0304_0506_0708])
  }

  @Test func resetAfterEndLetsTheResponsePass() throws {
    let client = Peer(.client)
    let server = Peer(.server)
    try exchange(client, server)
    try server.receive(Frames.headers(1))
    server.session.submitResponse(StreamID(rawValue: 1), HeaderFields([":status": "200"]), hasBody: false)
    server.session.resetAfterEnd(StreamID(rawValue: 1))
    let output = try server.output()
    // HEADERS with END_STREAM, then RST_STREAM with NO_ERROR.
    #expect(output.suffix(13) == Frames.reset(1, 0)[...])
    #expect(output.count > 13)
  }
}
