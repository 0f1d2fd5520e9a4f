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

  /// The windows open by what was consumed: not less, or the sender would be held back for good, and not more.
  @Test(arguments: [1, 7]) func windowsOpenByWhatWasConsumed(streams: Int) throws {
    var settings = SessionSettings()
    (settings.streamWindowBytes, settings.connectionWindowBytes) = (70_000, 100_000)
    let client = Peer(.client)
    let server = Peer(.server, settings: settings)
    try exchange(client, server)
    let sizeBytes = 300_000
    for _ in 0..<streams { _ = client.request(body: [UInt8](repeating: 7, count: sizeBytes)) }
    var opened: [UInt32: Int] = [:]
    while true {
      let toServer = try client.output()
      if !toServer.isEmpty { try server.receive(toServer) }
      let toClient = try server.output()
      for (stream, increment) in Frames.windowUpdates(toClient) { opened[stream, default: 0] += increment }
      if !toClient.isEmpty { try client.receive(toClient) }
      if toServer.isEmpty, toClient.isEmpty { break }
    }
    #expect(server.streams.values.allSatisfy { $0.data.count == sizeBytes && $0.hasEnded })
    // An update waits until it is worth a frame: half of the window.
    let all = streams * sizeBytes
    #expect((all - 50_000...all).contains(opened[0, default: 0]))
    for stream in server.streams.keys {
      #expect((sizeBytes - 70_000...sizeBytes).contains(opened[UInt32(stream.rawValue), default: 0]))
    }
  }

  @Test func whatOneStreamHoldsIsNotOpenedByAnother() throws {
    var settings = SessionSettings()
    settings.connectionWindowBytes = 100_000
    let client = Peer(.client)
    let server = Peer(.server, settings: settings)
    try exchange(client, server)
    server.consumes = false
    _ = client.request(body: [UInt8](repeating: 7, count: 40_000))
    try exchange(client, server)
    server.consumes = true
    _ = client.request(body: [UInt8](repeating: 7, count: 60_000))
    try server.receive(try client.output())
    let opened = Frames.windowUpdates(try server.output()).filter { $0.stream == 0 }.map(\.increment)
    #expect(opened == [60_000])
  }

  /// What exceeds `content-length` is nobody's, and is given back all the same.
  @Test func aBodyThatIsTooLongOpensTheConnectionsWindow() throws {
    var settings = SessionSettings()
    settings.connectionWindowBytes = 100_000
    let server = Peer(.server, settings: settings)
    try server.receive(Frames.preface + Frames.settings)
    _ = try server.output()
    var opened = 0
    for number in 0..<UInt32(20) {
      // `content-length: 1`, a literal of the static table's name 28.
      try server.receive(Frames.headers(number * 2 + 1, extra: [0x0f, 0x0d, 1, 0x31]))
      try server.receive(Frames.data(number * 2 + 1, [UInt8](repeating: 0, count: 10_000)))
      #expect(server.streams[StreamID(rawValue: Int32(number * 2 + 1))]?.data == [])
      opened += Frames.windowUpdates(try server.output()).filter { $0.stream == 0 }.reduce(0) { $0 + $1.increment }
    }
    #expect(server.streams.values.allSatisfy { $0.closed == .protocolError })
    #expect((150_000...200_000).contains(opened))
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
