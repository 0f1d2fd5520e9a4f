import Testing

@testable import HTTP2

/// What is a request and what is not, beside nghttp2's judgement of the same octets.
@Suite struct RequestRulesTests {
  private typealias Field = (name: [UInt8], value: [UInt8])

  /// A request with its body, as frames.
  private struct Request {
    var fields: [Field]
    var body: [[UInt8]]
    var trailers: [Field]?
  }

  private static let usual: [(String, String)] = [
    (":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "host:1"), ("te", "trailers"),
    ("content-type", "application/grpc"), ("user-agent", "x/1"), ("content-length", "10"),
  ]

  private static let connect: [(String, String)] = [
    (":method", "CONNECT"), (":authority", "host:1"), ("user-agent", "x/1"), ("content-length", "10"),
  ]

  private static let options: [(String, String)] = [
    (":method", "OPTIONS"), (":scheme", "https"), (":path", "*"), ("host", "host:1"), ("user-agent", "x/1"),
  ]

  /// Names and values that rules are about, and some that none is about.
  private static let names = [
    ":method", ":scheme", ":path", ":authority", ":status", ":protocol", ":", ":other", "host", "te", "connection", "keep-alive",
    "proxy-connection", "transfer-encoding", "upgrade", "content-length", "x-a", "X-a", "x a", "", "x\u{0}", "x-\u{e4}", "priority",
    "cookie",
  ]
  private static let values = [
    "", "POST", "OPTIONS", "CONNECT", "HEAD", "post", "P T", "http", "HTTPS", "ftp", "1ttp", "h+-.2", "ht tp", "*", "/", "/x?y",
    "x/y", "/\u{7f}", "/ ", "host", "a@b", "a b", "[::1]:5", "trailers", "TRAILERS", "gzip", " x", "x ", "\tx", "x\u{0}y", "x\r\ny",
    "0", "10", "11", "-1", "010", "9223372036854775807", "9223372036854775808", "1 ", "u=1",
  ]

  private static func octets(_ field: (String, String)) -> Field { (Array(field.0.utf8), Array(field.1.utf8)) }

  private static func texts(_ fields: [Field]) -> [[String]] {
    fields.map { [String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self)] }
  }

  private static func request(_ random: inout SplitMix64) -> Request {
    let base = [usual, usual, connect, options].randomElement(using: &random)!
    var fields = base.map(octets)
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let place = Int.random(in: 0..<fields.count, using: &random)
      let other = octets((names.randomElement(using: &random)!, values.randomElement(using: &random)!))
      switch Int.random(in: 0..<6, using: &random) {
      case 0: if fields.count > 1 { fields.remove(at: place) }
      case 1: fields.insert(fields.randomElement(using: &random)!, at: place)
      case 2: fields.swapAt(place, Int.random(in: 0..<fields.count, using: &random))
      case 3: fields.insert(other, at: place)
      case 4: fields[place].value = other.value
      default: if !fields[place].value.isEmpty { fields[place].value[0] = .random(in: 0...255, using: &random) }
      }
    }
    var body: [[UInt8]] = [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10]]
    switch Int.random(in: 0..<10, using: &random) {
    case 0: body = []
    case 1: body.removeLast()
    case 2: body.append([11])
    default: break
    }
    // What concerns a whole request is refused in trailers here and not by nghttp2; see below.
    let trailer = octets((names.randomElement(using: &random)!, values.randomElement(using: &random)!))
    let hasTrailers =
      Int.random(in: 0..<8, using: &random) == 0 && ![Array("host".utf8), Array("content-length".utf8)].contains(trailer.name)
    return Request(fields: fields, body: body, trailers: hasTrailers ? [trailer] : nil)
  }

  private static func frames(_ request: Request, stream: UInt32, _ encoder: BlockEncoder) -> [UInt8] {
    let endsAtOnce = request.body.isEmpty && request.trailers == nil
    var result = Frames.frame(1, flags: 4 | (endsAtOnce ? 1 : 0), stream: stream, encoder.encode(request.fields))
    for (index, part) in request.body.enumerated() {
      result += Frames.data(stream, part, endStream: request.trailers == nil && index == request.body.count - 1)
    }
    if let trailers = request.trailers { result += Frames.frame(1, flags: 5, stream: stream, encoder.encode(trailers)) }
    return result
  }

  @Test(arguments: [(1, false), (2, true), (3, false), (4, true)]) func theyAgreeWithNghttp2(seed: UInt64, marksFields: Bool) throws {
    var random = SplitMix64(state: seed)
    var (refused, taken, shownAgain) = (0, 0, 0)
    for _ in 0..<300 {
      let (ours, theirs, encoder) = (Peer(.server), RulesOfNghttp2(), BlockEncoder())
      ours.marksFields = marksFields
      try ours.receive(Frames.preface + Frames.settings)
      try #require(theirs.receive(Frames.preface + Frames.settings))
      for number in 0..<20 {
        let id = Int32(number * 2 + 1)
        let request = Self.request(&random)
        let frames = Self.frames(request, stream: UInt32(id), encoder)
        try ours.receive(frames)
        _ = try ours.output()
        try #require(theirs.receive(frames))
        let stream = try #require(ours.streams[StreamID(rawValue: id)])
        let sent = Self.texts(request.fields + (request.trailers ?? []))
        let comment = Comment(rawValue: "\(sent) \(request.body.map(\.count))")
        try #require(stream.closed?.rawValue == theirs.resets[id], comment)
        try #require(stream.kinds.contains { $0 == .request } == theirs.accepted.contains(id), comment)
        if stream.closed == nil {
          taken += 1
          try #require(stream.fields.map { [$0.0, $0.1] } == sent)
          try #require(stream.hasEnded && stream.data == request.body.flatMap(\.self), comment)
        } else {
          refused += 1
          try #require(stream.closed == .protocolError)
        }
      }
      shownAgain += ours.shownAgain
    }
    // Both sides of the rules were met, and known fields were.
    #expect(refused > 1000 && taken > 1000)
    #expect(marksFields ? shownAgain > 5_000 : shownAgain == 0)
  }

  @Test(arguments: [("content-length", "10"), ("host", "x")])
  func whatConcernsTheWholeRequestIsNoTrailer(name: String, value: String) throws {
    let (server, encoder) = (Peer(.server), BlockEncoder())
    try server.receive(Frames.preface + Frames.settings)
    // A request that does not have the field itself, and whose body is as long as the trailer says.
    for (stream, trailer) in [(UInt32(1), (name, value)), (3, ("x-a", value))] {
      let request = Request(
        fields: Self.usual.dropLast().map(Self.octets), body: [[UInt8](repeating: 0, count: 10)],
        trailers: [Self.octets(trailer)])
      try server.receive(Self.frames(request, stream: stream, encoder))
    }
    _ = try server.output()
    #expect(server.streams[StreamID(rawValue: 1)]?.closed == .protocolError)
    #expect(server.streams[StreamID(rawValue: 3)]?.hasEnded == true)
  }

  @Test func trailersEndTheRequest() throws {
    let (server, encoder) = (Peer(.server), BlockEncoder())
    try server.receive(Frames.preface + Frames.settings)
    let fields = Self.usual.dropLast().map(Self.octets)
    try server.receive(Frames.frame(1, flags: 4, stream: 1, encoder.encode(fields)))
    try server.receive(Frames.frame(1, flags: 4, stream: 1, encoder.encode([Self.octets(("x-a", "b"))])))
    _ = try server.output()
    #expect(server.streams[StreamID(rawValue: 1)]?.closed == .protocolError)
  }

  @Test func aSecretIsNotKept() throws {
    let (server, client) = (Peer(.server), Peer(.client))
    server.marksFields = true
    for _ in 0..<2 {
      var fields = HeaderFields([":method": "POST", ":scheme": "http", ":path": "/", ":authority": "x"])
      fields.add("authorization", "Bearer s3", isSensitive: true)
      let stream = Peer.Stream(id: StreamID(rawValue: 0))
      _ = client.session.submitRequest(fields, stream: stream, hasBody: false)
      try exchange(client, server)
      withExtendedLifetime(stream) {}
    }
    #expect(server.streams.values.allSatisfy { $0.fields.last?.1 == "Bearer s3" })
    #expect(server.shownAgain == 4)
  }

  /// The table of the peer may forget a field, and a later one may take its place.
  @Test func aFieldThatChangesIsShownAsItIs() throws {
    let (server, encoder) = (try Self.server(), BlockEncoder())
    for number in 0..<90 {
      let length = number % 3 == 0 ? 300 : 40 + number / 2
      let value = [UInt8](repeating: UInt8(ascii: "a") + UInt8(number / 2 % 26), count: length)
      let fields = Self.usual.dropLast().map(Self.octets) + [(Array("x-v".utf8), value)]
      let stream = try Self.send(fields, number, to: server, encoder)
      #expect(stream.fields.last.map { Array($0.1.utf8) } == value)
    }
  }

  @Test func aFieldThatIsTooLongIsNotKept() throws {
    let (server, encoder) = (try Self.server(), BlockEncoder())
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: KnownFields.fieldBytesMax - 34)
    for (number, value) in [long, long, long + [0x61], long + [0x61]].enumerated() {
      let fields = Self.usual.prefix(4).map(Self.octets) + [(Array("x-v".utf8), value)]
      _ = try Self.send(fields, number, to: server, encoder)
    }
    #expect(server.shownAgain == 3 * 4, "one octet too long with its name")
    for number in 4...5 {
      let fields = Self.usual.prefix(4).map(Self.octets) + [(Array("x-v".utf8), long.dropLast())]
      _ = try Self.send(fields, number, to: server, encoder)
    }
    #expect(server.shownAgain == 5 * 4 + 1)
  }

  /// Fields are known by their place in a request; trailers have none.
  @Test func trailersLeaveTheKnownFieldsAsTheyAre() throws {
    let (server, encoder) = (try Self.server(), BlockEncoder())
    for number in 0..<3 {
      let request = Request(
        fields: Self.usual.map(Self.octets), body: [[UInt8](repeating: 0, count: 10)], trailers: [Self.octets(("x-a", "b"))])
      try server.receive(Self.frames(request, stream: UInt32(number * 2 + 1), encoder))
      #expect(server.streams[StreamID(rawValue: Int32(number * 2 + 1))]?.hasEnded == true)
    }
    #expect(server.shownAgain == 2 * Self.usual.count)
  }

  @Test func knownFieldsCountTowardsTheListAsAnyOther() throws {
    var limits = SessionLimits()
    limits.headerListBytesMax = 460
    let (server, encoder) = (try Self.server(limits), BlockEncoder())
    let fields = Self.usual.map(Self.octets)
    #expect(try !Self.send(fields, 0, to: server, encoder).isTooLarge)
    #expect(try !Self.send(fields, 1, to: server, encoder).isTooLarge)
    #expect(try Self.send(fields + [Self.octets(("x-a", String(repeating: "b", count: 120)))], 2, to: server, encoder).isTooLarge)
  }

  /// Also of what is too large to be shown.
  @Test(arguments: [false, true]) func everyFieldHasToBeInOrder(isTrailer: Bool) throws {
    var limits = SessionLimits()
    limits.headerListBytesMax = 460
    for bad in [("connection", "x"), ("X-a", "b"), (":path", "/"), ("x-a", "b")] {
      let (server, encoder) = (try Self.server(limits), BlockEncoder())
      let fill = Self.octets(("x-a", String(repeating: "b", count: 500)))
      let request = Self.usual.dropLast().map(Self.octets)
      if isTrailer {
        try server.receive(Frames.frame(1, flags: 4, stream: 1, encoder.encode(request)))
        try server.receive(Frames.frame(1, flags: 5, stream: 1, encoder.encode([fill, Self.octets(bad)])))
      } else {
        try server.receive(Frames.frame(1, flags: 5, stream: 1, encoder.encode(request + [fill, Self.octets(bad)])))
      }
      _ = try server.output()
      let stream = try #require(server.streams[StreamID(rawValue: 1)])
      #expect(stream.closed == (bad.0 == "x-a" ? nil : .protocolError))
      #expect(stream.isTooLarge == (bad.0 == "x-a"))
    }
  }

  /// A server that wants marks, past the preface.
  private static func server(_ limits: SessionLimits = SessionLimits()) throws -> Peer {
    let server = Peer(.server, limits: limits)
    server.marksFields = true
    try server.receive(Frames.preface + Frames.settings)
    return server
  }

  /// The request of that number without a body, answered.
  private static func send(
    _ fields: [Field], _ number: Int, to server: Peer, _ encoder: BlockEncoder
  ) throws -> Peer.Stream {
    let id = StreamID(rawValue: Int32(number * 2 + 1))
    let bodyless = fields.filter { $0.name != Array("content-length".utf8) }
    try server.receive(Frames.frame(1, flags: 5, stream: UInt32(id.rawValue), encoder.encode(bodyless)))
    let stream = try #require(server.streams[id])
    server.respond(id, body: [])
    _ = try server.output()
    return stream
  }
}

@Suite struct DeclaredBodiesTests {
  @Test func aBodyIsAsLongAsItsRequestSaid() {
    var bodies = DeclaredBodies()
    bodies.declare(1, 10)
    bodies.declare(3, 5)
    bodies.declare(9, 0)
    let isInOrder = [
      bodies.received(5, of: 3), bodies.received(9, of: 1),
      // A request that said nothing.
      bodies.received(100, of: 5), bodies.end(5),
      bodies.end(3),
      // One octet is missing, which is said once.
      bodies.end(1), bodies.end(1),
      bodies.received(1, of: 9), bodies.end(9),
    ]
    #expect(isInOrder == [true, true, true, true, true, false, true, false, false])
  }

  /// Beside a dictionary, in any order.
  @Test(arguments: 1...8) func theyAreFoundInAnyOrder(seed: UInt64) {
    var random = SplitMix64(state: seed)
    var (bodies, expected, next) = (DeclaredBodies(), [Int32: Int64](), Int32(1))
    for _ in 0..<5000 {
      let isOldest = Bool.random(using: &random)
      let stream = (isOldest ? expected.keys.min() : expected.keys.sorted().randomElement(using: &random)) ?? next
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        bodies.declare(next, 100)
        expected[next] = 100
        next += .random(in: 1...3, using: &random)
      case 2, 3:
        let count = Int.random(in: 0...60, using: &random)
        expected[stream]? -= Int64(count)
        let isInOrder = bodies.received(count, of: stream)
        #expect(isInOrder == (expected[stream] ?? 0 >= 0))
      default:
        let isWhole = bodies.end(stream)
        #expect(isWhole == (expected.removeValue(forKey: stream) ?? 0 == 0))
      }
    }
  }
}

/// The same numbers for the same seed.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
