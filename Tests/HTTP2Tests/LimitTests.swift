import Testing

@testable import HTTP2

/// Each way to make a server work for nothing ends with the connection; the counts are the limits, not nghttp2's.
@Suite struct LimitTests {
  private func server(_ change: (inout SessionLimits) -> Void = { _ in }) throws -> Peer {
    var limits = SessionLimits()
    change(&limits)
    let server = Peer(.server, limits: limits)
    try server.receive(Frames.preface + Frames.settings)
    return server
  }

  /// Feeds frames until the server has enough.
  ///
  /// - Returns: How many it took.
  private func flood(_ server: Peer, upTo countMax: Int, expecting violation: Violation, _ frame: (Int) -> [UInt8]) throws -> Int {
    for count in 0..<countMax {
      do throws(HTTP2Error) {
        try server.receive(frame(count))
        _ = try server.output()
      } catch {
        #expect(error == .violation(violation))
        return count
      }
    }
    Issue.record("\(countMax) frames were taken")
    return countMax
  }

  @Test func rapidReset() throws {
    let server = try server { $0.resetsReceived = RateLimit(burst: 20, perSecond: 0) }
    #expect(
      try flood(server, upTo: 1000, expecting: .resetsReceived) { count in
        let stream = UInt32(count * 2 + 1)
        return Frames.headers(stream) + Frames.reset(stream)
      } == 20)
  }

  @Test func resetsThatTheServerIsMadeToSend() throws {
    let server = try server { $0.resetsMade = RateLimit(burst: 20, perSecond: 0) }
    #expect(
      try flood(server, upTo: 1000, expecting: .resetsMade) { count in
        // A window beyond 2^31 - 1 is a stream error (RFC 9113 §6.9.1).
        let stream = UInt32(count * 2 + 1)
        return Frames.headers(stream) + Frames.windowUpdate(stream, 0x7fff_ffff)
      } == 20)
  }

  @Test func dataAfterTheEndOfTheStream() throws {
    let server = try server()
    try server.receive(Frames.headers(1, endStream: true) + Frames.data(1, [UInt8](repeating: 0, count: 10)))
    try endsWithGoAway(server, .streamClosed)
  }

  @Test func aWindowIncrementOfZero() throws {
    let server = try server()
    try server.receive(Frames.headers(1) + Frames.windowUpdate(1, 0))
    try endsWithGoAway(server, .protocolError)
  }

  private func endsWithGoAway(_ server: Peer, _ code: ErrorCode) throws {
    let client = Peer(.client)
    try client.receive(try server.output())
    #expect(client.goAway == code)
    #expect(server.isFinished)
  }

  @Test func settings() throws {
    let server = try server { $0.settings = RateLimit(burst: 20, perSecond: 0) }
    // The connection's first SETTINGS counts too.
    #expect(try flood(server, upTo: 1000, expecting: .settings) { _ in Frames.settings } == 19)
  }

  @Test func pings() throws {
    let server = try server { $0.pings = RateLimit(burst: 20, perSecond: 0) }
    #expect(try flood(server, upTo: 1000, expecting: .pings) { _ in Frames.ping } == 20)
  }

  @Test func pingsAtAnHonestRateGoOnForEver() throws {
    let server = try server { $0.pings = RateLimit(burst: 20, perSecond: 100) }
    for count in 0..<5000 {
      server.now = UInt64(count) * 11_000_000
      try server.receive(Frames.ping)
      _ = try server.output()
    }
  }

  @Test func priorities() throws {
    let server = try server { $0.priorities = RateLimit(burst: 20, perSecond: 0) }
    #expect(
      try flood(server, upTo: 1000, expecting: .priorities) { count in
        Frames.frame(2, stream: UInt32(count * 2 + 1), [0, 0, 0, 0, 10])
      } == 20)
  }

  @Test func windowUpdates() throws {
    let server = try server { $0.windowUpdates = RateLimit(burst: 20, perSecond: 0) }
    #expect(try flood(server, upTo: 1000, expecting: .windowUpdates) { _ in Frames.windowUpdate(0, 1) } == 20)
  }

  @Test func emptyData() throws {
    let server = try server { $0.emptyData = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(1))
    #expect(try flood(server, upTo: 1000, expecting: .emptyData) { _ in Frames.data(1, []) } == 20)
  }

  @Test func dataOctetByOctet() throws {
    let server = try server { $0.tinyData = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(1))
    #expect(try flood(server, upTo: 1000, expecting: .tinyData) { _ in Frames.data(1, [0]) } == 20)
  }

  @Test func paddingDoesNotHideATinyFrame() throws {
    let server = try server { $0.tinyData = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(1))
    let padded = Frames.frame(0, flags: 8, stream: 1, [200] + [UInt8](repeating: 0, count: 201))
    #expect(try flood(server, upTo: 1000, expecting: .tinyData) { _ in padded } == 20)
  }

  @Test func dataForStreamsThatAreGone() throws {
    let server = try server { $0.ignoredFrames = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(1) + Frames.reset(1))
    let data = Frames.data(1, [UInt8](repeating: 0, count: 100))
    #expect(try flood(server, upTo: 1000, expecting: .ignoredFrames) { _ in data } == 20)
  }

  @Test func theEndOfStreamDoesNotHideAFrameThatIsIgnored() throws {
    let server = try server { $0.ignoredFrames = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(1) + Frames.reset(1))
    #expect(try flood(server, upTo: 1000, expecting: .ignoredFrames) { _ in Frames.data(1, [], endStream: true) } == 20)
  }

  @Test func dataOnItsWayWhenWeResetIsNotHeldAgainstThePeer() throws {
    let server = try server { $0.ignoredFrames = RateLimit(burst: 300, perSecond: 0) }
    for count in 0..<10 {
      let stream = UInt32(count * 2 + 1)
      try server.receive(Frames.headers(stream))
      server.session.reset(StreamID(rawValue: Int32(stream)), .cancel)
      _ = try server.output()
      for _ in 0..<200 { try server.receive(Frames.data(stream, [UInt8](repeating: 0, count: 10))) }
    }
  }

  @Test func continuationsOfAHeaderBlockThatNobodyWants() throws {
    let server = try server { $0.ignoredFrames = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(3, endStream: true))
    // Its id goes backwards, so nghttp2 skips it.
    try server.receive(Frames.frame(1, stream: 1, Frames.requestBlock))
    var wasClosed = false
    for _ in 0..<100 where !wasClosed {
      do throws(HTTP2Error) {
        try server.receive(Frames.frame(9, stream: 1))
        _ = try server.output()
      } catch {
        #expect(error.goAwayCode == .enhanceYourCalm)
        wasClosed = true
      }
    }
    #expect(wasClosed)
  }

  @Test func frameHeadersAreFoundHoweverTheyAreSplit() throws {
    let octets = Frames.preface + Frames.settings + Frames.headers(1) + Frames.data(1, [1, 2, 3]) + Frames.ping + Frames.data(1, [])
    for size in 1...octets.count {
      var scanner = FrameScanner(prefaceBytes: Frames.preface.count)
      for start in stride(from: 0, to: octets.count, by: size) {
        octets[start..<min(start + size, octets.count)].withUnsafeBytes { scanner.scan($0) }
      }
      #expect(scanner.frames == 5)
    }
  }

  @Test func goAways() throws {
    let server = try server { $0.goAways = RateLimit(burst: 20, perSecond: 0) }
    // Without a stream the first GOAWAY would be the last.
    try server.receive(Frames.headers(1))
    let goAway = Frames.frame(7, Frames.bigEndian(0) + Frames.bigEndian(0))
    #expect(try flood(server, upTo: 1000, expecting: .goAways) { _ in goAway } == 20)
  }

  @Test func acknowledgementsOfPingsThatNobodySent() throws {
    let server = try server { $0.pings = RateLimit(burst: 20, perSecond: 0) }
    let acknowledgement = Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8))
    #expect(try flood(server, upTo: 1000, expecting: .pings) { _ in acknowledgement } == 20)
  }

  @Test func headerListsThatAreTooLargeAgainAndAgain() throws {
    let server = try server { $0.oversizedHeaders = RateLimit(burst: 5, perSecond: 0) }
    let many = [UInt8](repeating: 0x90, count: 2000)
    #expect(
      try flood(server, upTo: 100, expecting: .oversizedHeaders) { count in
        Frames.headers(UInt32(count * 2 + 1), endStream: true, extra: many)
      } == 5)
  }

  @Test func aWindowThatOpensOctetByOctet() throws {
    let server = try server { $0.windowDribbles = RateLimit(burst: 20, perSecond: 0) }
    // SETTINGS_INITIAL_WINDOW_SIZE 0.
    try server.receive(Frames.frame(4, [0, 4, 0, 0, 0, 0]) + Frames.headers(1, endStream: true))
    server.respond(StreamID(rawValue: 1), body: [UInt8](repeating: 0, count: 10_000))
    #expect(try flood(server, upTo: 1000, expecting: .windowDribbles) { _ in Frames.windowUpdate(1, 1) } == 20)
  }

  @Test func aWindowThatOpensByWholeFramesMayDoSoForEver() throws {
    let server = try server {
      $0.windowDribbles = RateLimit(burst: 2, perSecond: 0)
      $0.windowUpdates = RateLimit(burst: 20, perSecond: 0)
    }
    try server.receive(Frames.frame(4, [0, 4, 0, 0, 0, 0]) + Frames.headers(1, endStream: true))
    server.respond(StreamID(rawValue: 1), body: [UInt8](repeating: 0, count: 4_000_000))
    for _ in 0..<500 {
      // The connection's window first, so that the stream's is what sets the frame's size.
      try server.receive(Frames.windowUpdate(0, 2000) + Frames.windowUpdate(1, 2000))
      #expect(try server.output().count > 2000)
    }
  }

  @Test func unknownFrames() throws {
    let server = try server { $0.unknownFrames = RateLimit(burst: 20, perSecond: 0) }
    #expect(try flood(server, upTo: 1000, expecting: .unknownFrames) { _ in Frames.frame(0xbe, [1, 2]) } == 20)
  }

  @Test func continuations() throws {
    let server = try server { $0.continuationsMax = 5 }
    try server.receive(Frames.frame(1, stream: 1, Frames.requestBlock))
    let count = try flood(server, upTo: 100, expecting: .continuations) { _ in Frames.frame(9, stream: 1) }
    #expect(count == 5)
  }

  @Test func aHeaderBombByReferencesIsCountedAndTheConnectionLives() throws {
    let server = try server()
    // One field of 4,000 octets enters the table; then each octet refers to it: 16 KB would become 64 MB.
    let large: [UInt8] = [0x40, 1, 0x61, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x62, count: 4000)
    try server.receive(Frames.headers(1, endStream: true, extra: large + [UInt8](repeating: 0xbe, count: 5_000)))
    let bomb = try #require(server.streams[StreamID(rawValue: 1)])
    #expect(bomb.kinds.isEmpty)
    #expect(bomb.fields.count < 10)
    // SETTINGS and its acknowledgement come first.
    #expect(try server.output().suffix(13) == Frames.reset(1, ErrorCode.enhanceYourCalm.rawValue)[...])
    #expect(bomb.closed == .enhanceYourCalm)
    // The table is in step still: index 62 is the large field, 63 does not exist.
    try server.receive(Frames.headers(3, endStream: true, extra: [0xbe]))
    let next = try #require(server.streams[StreamID(rawValue: 3)])
    #expect(!next.isTooLarge)
    #expect(next.fields.last?.0 == "a")
    #expect(next.fields.last?.1.utf8.count == 4000)
  }

  @Test func aHeaderListThatIsALittleTooLargeIsAnswered() throws {
    let server = try server()
    let large: [UInt8] = [0x40, 1, 0x61, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x62, count: 4000)
    try server.receive(Frames.headers(1, endStream: true, extra: large + [UInt8](repeating: 0xbe, count: 10)))
    let request = try #require(server.streams[StreamID(rawValue: 1)])
    #expect(request.isTooLarge)
    #expect(request.closed == nil)
  }

  @Test func headerBombsAgainAndAgain() throws {
    let server = try server { $0.oversizedHeaders = RateLimit(burst: 5, perSecond: 0) }
    let large: [UInt8] = [0x40, 1, 0x61, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x62, count: 4000)
    #expect(
      try flood(server, upTo: 100, expecting: .oversizedHeaders) { count in
        Frames.headers(UInt32(count * 2 + 1), endStream: true, extra: large + [UInt8](repeating: 0xbe, count: 1_000))
      } == 5)
  }

  @Test func moreContinuationsThanTheLibraryTakesAreNamedToo() throws {
    let server = try server { $0.continuationsMax = 100 }
    try server.receive(Frames.frame(1, stream: 1, Frames.requestBlock))
    #expect(try flood(server, upTo: 100, expecting: .continuations) { _ in Frames.frame(9, stream: 1) } <= 9)
  }

  @Test func tooManyFieldsEndTheConnection() throws {
    let server = try server { $0.headerFieldsMax = 1000 }
    let error = #expect(throws: HTTP2Error.self) {
      try server.receive(Frames.headers(1, extra: [UInt8](repeating: 0x90, count: 2000)))
    }
    #expect(error == .violation(.headerFields))
  }

  @Test func streamsBeyondTheLimitAreRefused() throws {
    let server = try server { $0.concurrentStreamsMax = 10 }
    _ = try server.output()
    try server.receive(Frames.frame(4, flags: 1))
    var wasClosed = false
    for count in 0..<20 {
      do throws(HTTP2Error) {
        try server.receive(Frames.headers(UInt32(count * 2 + 1)))
      } catch {
        wasClosed = true
      }
    }
    let output = try server.output()
    #expect(server.streams.count == 10)
    #expect(wasClosed || !output.isEmpty)
  }

  @Test func streamIdsThatGoBackwards() throws {
    let server = try server { $0.strayHeaders = RateLimit(burst: 20, perSecond: 0) }
    try server.receive(Frames.headers(2001, endStream: true))
    #expect(
      try flood(server, upTo: 1000, expecting: .strayHeaders) { count in
        Frames.headers(UInt32(1999 - 2 * count), endStream: true)
      } == 20)
    #expect(server.streams.count == 1)
  }

  @Test func whatIsNoPrefaceIsNamed() throws {
    let server = Peer(.server)
    let error = #expect(throws: HTTP2Error.self) { try server.receive(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)) }
    #expect(error == .badPreface)
  }
}
