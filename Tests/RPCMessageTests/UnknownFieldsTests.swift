internal import RPC
internal import Testing

/// What a newer peer says and our contract does not have: kept, given back, and bounded.
@Suite struct UnknownFieldsTests {
  @Test(arguments: [1, 20261128])
  func aMessageOfANewerContractComesBackWhole(seed: Int) throws {
    let peer = try PythonPeer()
    let count = 6
    _ = try peer.run("make-newer", "\(seed)", "\(count)")
    let parts = try peer.read("from_python")
    var returned: [[UInt8]] = []
    var seen: Set<String> = []
    for start in stride(from: 0, to: parts.count, by: 2) {
      let name = String(decoding: parts[start], as: UTF8.self)
      let type = try #require(PythonRoundTripTests.types[name], "no Swift type for \(name)")
      returned += [parts[start], try reencoded(type, parts[start + 1]).octets]
      seen.insert(name)
    }
    #expect(seen == Set(PythonRoundTripTests.types.keys))
    try peer.write("from_swift", returned)
    #expect(try peer.run("check-newer", "\(seed)", "\(count)") == "\(seen.count * count)")
  }

  @Test func thereAreNoneUnlessAPeerSendsThem() throws {
    for type in Everything.messageTypes {
      let message = try reencoded(type, []).message
      #expect(message.unknownFields.isEmpty && message.unknownFields.sizeBytes == 0, "\(type)")
    }
    let known = Everything.Inner(name: "n", number: 7)
    #expect(try Everything.Inner(serializedBytes: known.serializedBytes()).unknownFields.isEmpty)
  }

  /// Every wire type; numbers with tags of one octet to five; between and after the known fields.
  private static let mixed = WireBytes.build { bytes in
    bytes.tag(15, 0)
    bytes.varint(.max)
    bytes.bytes(1, Array("n".utf8))
    bytes.bytes(16, [0xff, 0x00])
    bytes.tag(2047, 5)
    bytes.raw([1, 2, 3, 4])
    bytes.tag(2, 0)
    bytes.varint(7)
    bytes.tag(1 << 29 - 1, 1)
    bytes.raw([1, 2, 3, 4, 5, 6, 7, 8])
    bytes.bytes(300_000, [])
    bytes.tag(15, 0)
    bytes.varint(0)
  }

  @Test func theyFollowTheKnownFieldsInTheirOrder() throws {
    let expected = WireBytes.build { bytes in
      bytes.bytes(1, Array("n".utf8))
      bytes.tag(2, 0)
      bytes.varint(7)
      bytes.tag(15, 0)
      bytes.varint(.max)
      bytes.bytes(16, [0xff, 0x00])
      bytes.tag(2047, 5)
      bytes.raw([1, 2, 3, 4])
      bytes.tag(1 << 29 - 1, 1)
      bytes.raw([1, 2, 3, 4, 5, 6, 7, 8])
      bytes.bytes(300_000, [])
      bytes.tag(15, 0)
      bytes.varint(0)
    }
    let message = try Everything.Inner(serializedBytes: Self.mixed)
    #expect(message.serializedBytes() == expected)
    #expect(message.unknownFields.sizeBytes == expected.count - 5)
    #expect(try Everything.Inner(serializedBytes: expected) == message)
  }

  @Test func aMessageWithoutFieldsKeepsAll() throws {
    let message = try Everything.Empty(serializedBytes: Self.mixed)
    #expect(message.serializedBytes() == Self.mixed)
  }

  @Test func tagsAreWrittenShort() throws {
    // Field 15, a varint, its tag in two octets where one will do.
    let message = try Everything.Inner(serializedBytes: [0xf8, 0x00, 0x05])
    #expect(message.serializedBytes() == [0x78, 0x05])
  }

  @Test func theyStayWithTheMessageTheyCameIn() throws {
    let inner = try Everything.Inner(serializedBytes: [0x78, 0x05])
    var outer = Everything.Scalars(inner: inner)
    #expect(outer.unknownFields.isEmpty)
    outer.inner?.name = "changed"
    let read = try Everything.Scalars(serializedBytes: outer.serializedBytes())
    #expect(read == outer)
    #expect(read.inner?.unknownFields == inner.unknownFields)

    let list = Everything.Repeated(inner: [.init(), inner, .init(name: "n")])
    #expect(try Everything.Repeated(serializedBytes: list.serializedBytes()) == list)
    let chosen = Everything.Choice(value: .inner(inner))
    #expect(try Everything.Choice(serializedBytes: chosen.serializedBytes()) == chosen)
  }

  @Test func anEntryOfAMapHasKeyAndValueOnly() throws {
    let entry = WireBytes.build { bytes in
      bytes.bytes(1, Array("k".utf8))
      bytes.bytes(2, Array("v".utf8))
    }
    let known = Everything.Maps(texts: ["k": "v"])
    let number = known.serializedBytes()[0] >> 3
    let octets = WireBytes.build { $0.bytes(UInt64(number), entry + [0x78, 0x05]) }
    #expect(try Everything.Maps(serializedBytes: octets) == known)
  }

  @Test func theyCanBeCopiedAndLeftBehind() throws {
    let read = try Everything.Inner(serializedBytes: Self.mixed)
    var other = Everything.Empty()
    other.unknownFields = read.unknownFields
    #expect(other.serializedBytes().count == read.unknownFields.sizeBytes)
    var plain = read
    plain.unknownFields = .init()
    #expect(plain == Everything.Inner(name: "n", number: 7))
  }

  @Test func theyCountWhenMessagesAreCompared() throws {
    let plain = Everything.Inner(name: "n", number: 7)
    let read = try Everything.Inner(serializedBytes: Self.mixed)
    let again = try Everything.Inner(serializedBytes: Self.mixed)
    #expect(read != plain)
    #expect(read == again && read.hashValue == again.hashValue)
    #expect(Set([plain, read, again]).count == 2)
  }

  @Test func theyCountTowardTheFieldsOfAMessage() throws {
    var octets: [UInt8] = []
    for _ in 0..<1000 { octets += [0x78, 0x05] }
    #expect(throws: MessageError.tooManyFields) {
      try Everything.Empty(serializedBytes: octets, limits: MessageLimits(fieldsMax: 999))
    }
    #expect(
      try Everything.Empty(serializedBytes: octets, limits: MessageLimits(fieldsMax: 1000)).unknownFields.sizeBytes == 2000)
    let nested = WireBytes.build { $0.bytes(17, octets) }
    #expect(throws: MessageError.tooManyFields) {
      try Everything.Repeated(serializedBytes: nested, limits: MessageLimits(fieldsMax: 1000))
    }
  }

  @Test func theyCountTowardTheMemoryOfAMessage() throws {
    let octets = WireBytes.build { $0.bytes(100, [UInt8](repeating: 0, count: 2000)) }
    #expect(throws: MessageError.tooLarge) {
      try Everything.Empty(serializedBytes: octets, limits: MessageLimits(arenaBytesMax: 2000))
    }
    #expect(try Everything.Empty(serializedBytes: octets, limits: MessageLimits(arenaBytesMax: 2500)).serializedBytes() == octets)
  }

  /// They are octets: what they may mean to somebody is not looked into, so nesting in them costs nothing.
  @Test func nestingInThemIsNotFollowed() throws {
    var reversed: [UInt8] = []
    for _ in 0..<10_000 {
      reversed += WireBytes.build { $0.varint(UInt64(reversed.count)) }.reversed() + [0x7a]
    }
    let octets = Array(reversed.reversed())
    #expect(try Everything.Inner(serializedBytes: octets, limits: MessageLimits(depthMax: 1)).serializedBytes() == octets)
  }
}
