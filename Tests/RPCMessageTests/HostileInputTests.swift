internal import CProtobufC
internal import CTestProto
@testable internal import RPC
internal import Testing
internal import Wire

/// What peers may send to hurt us: each is refused with its reason, none reaches libprotobuf-c.
@Suite struct HostileInputTests {
  private func error(_ type: any Message.Type, _ octets: [UInt8], limits: MessageLimits = .standard) -> MessageError? {
    func open<M: Message>(_ type: M.Type) -> MessageError? {
      do throws(MessageError) {
        _ = try M(serializedBytes: octets, limits: limits)
        return nil
      } catch {
        return error
      }
    }
    return open(type)
  }

  @Test func nestingEndsAtItsLimit() {
    let deep = Everything.Nest(level: .init(level: .init(kind: .deep)))
    #expect(error(Everything.Nest.self, deep.serializedBytes(), limits: MessageLimits(depthMax: 3)) == nil)
    #expect(error(Everything.Nest.self, deep.serializedBytes(), limits: MessageLimits(depthMax: 2)) == .tooDeep)
  }

  @Test func aHundredThousandLevelsOfARecursiveMessageAreRefused() {
    // The generator refuses recursive messages, so this descriptor is made by hand: field 1 is itself.
    let field = UnsafeMutablePointer<ProtobufCFieldDescriptor>.allocate(capacity: 1)
    let ranges = UnsafeMutablePointer<ProtobufCIntRange>.allocate(capacity: 2)
    let descriptor = UnsafeMutablePointer<ProtobufCMessageDescriptor>.allocate(capacity: 1)
    defer {
      field.deallocate()
      ranges.deallocate()
      descriptor.deallocate()
    }
    field.initialize(to: ProtobufCFieldDescriptor())
    field.pointee.id = 1
    field.pointee.label = PROTOBUF_C_LABEL_OPTIONAL
    field.pointee.type = PROTOBUF_C_TYPE_MESSAGE
    field.pointee.offset = UInt32(MemoryLayout<ProtobufCMessage>.stride)
    field.pointee.descriptor = UnsafeRawPointer(descriptor)
    ranges[0] = ProtobufCIntRange(start_value: 1, orig_index: 0)
    ranges[1] = ProtobufCIntRange(start_value: 0, orig_index: 1)
    descriptor.initialize(to: ProtobufCMessageDescriptor())
    descriptor.pointee.sizeof_message = MemoryLayout<ProtobufCMessage>.stride + 8
    descriptor.pointee.n_fields = 1
    descriptor.pointee.fields = UnsafePointer(field)
    descriptor.pointee.n_field_ranges = 1
    descriptor.pointee.field_ranges = UnsafePointer(ranges)

    // Lengths from the inside out, written backwards: quadratic copying would take minutes.
    var reversed: [UInt8] = []
    for _ in 0..<100_000 {
      let length = WireBytes.build { $0.varint(UInt64(reversed.count)) }
      reversed += length.reversed() + [0x0a]
    }
    let octets = Array(reversed.reversed())
    _ = octets.withUnsafeBytes { bytes in
      #expect(throws: MessageError.tooDeep) {
        _ = try UnpackedMessage(bytes, descriptor: UnsafeRawPointer(descriptor), limits: .standard)
      }
    }
  }

  @Test func fourMebibytesOfEmptyMessagesAreRefusedByTheirMemory() {
    // Field 17 has a tag of two octets, so each empty message takes three.
    var empties: [UInt8] = [0x8a, 0x01, 0x00]
    while empties.count < 4 << 20 { empties += empties }
    let limits = MessageLimits(fieldsMax: .max)
    #expect(error(Everything.Repeated.self, empties, limits: limits) == .tooLarge)
    let wide = MessageLimits(arenaBytesMax: .max)
    #expect(error(Everything.Repeated.self, empties, limits: wide) == .tooManyFields)
  }

  @Test func packedNumbersCountAsFields() {
    let octets = WireBytes.build { $0.bytes(3, Array(repeating: 1, count: 2000)) }
    #expect(error(Everything.Repeated.self, octets, limits: MessageLimits(fieldsMax: 1000)) == .tooManyFields)
  }

  @Test func memoryEndsAtItsLimit() {
    let message = Everything.Repeated(stringValue: Array(repeating: "0123456789", count: 100))
    #expect(error(Everything.Repeated.self, message.serializedBytes(), limits: MessageLimits(arenaBytesMax: 1000)) == .tooLarge)
    #expect(error(Everything.Repeated.self, message.serializedBytes(), limits: MessageLimits(arenaBytesMax: 20_000)) == nil)
  }

  @Test func theScanFindsExactlyWhatUnpackingTakes() throws {
    var nest = Everything__Nest()
    everything__nest__init(&nest)
    var repeated = Everything__Repeated()
    everything__repeated__init(&repeated)
    var maps = Everything__Maps()
    everything__maps__init(&maps)
    let unknown = WireBytes.build { bytes in
      for number in 300..<333 { bytes.bytes(UInt64(number), Array(repeating: 0, count: number)) }
      for number in 400..<404 {
        bytes.tag(UInt64(number), 5)
        bytes.raw([1, 2, 3, 4])
      }
    }
    let samples: [(any Message, UnsafePointer<ProtobufCMessageDescriptor>)] = [
      (Everything.Repeated(int32Value: Array(0..<1000), stringValue: Array(repeating: "x", count: 333)), repeated.base.descriptor),
      (Everything.Repeated(boolValue: Array(repeating: true, count: 77), bytesValue: [[], [1], [1, 2, 3]]), repeated.base.descriptor),
      (try Everything.Repeated(serializedBytes: unknown + WireBytes.build { $0.bytes(17, unknown) }), repeated.base.descriptor),
      (Everything.Maps(texts: Dictionary(uniqueKeysWithValues: (0..<100).map { ("key \($0)", "value") })), maps.base.descriptor),
      (
        Everything.Nest(levels: Array(repeating: .init(level: .init(inner: [.init(), .init(name: "n")])), count: 40)),
        nest.base.descriptor
      ),
    ]
    for (message, descriptor) in samples {
      try message.serializedBytes().withUnsafeBytes { octets in
        let sizeBytes = try MessageScanner.scan(octets, descriptor: descriptor, limits: .standard)
        for (limitBytes, isEnough) in [(sizeBytes, true), (sizeBytes - 1, false)] {
          let arena = Arena(capacityBytes: sizeBytes, limitBytes: limitBytes)
          #expect((arena.unpack(octets, descriptor: descriptor) != nil) == isEnough, "\(type(of: message))")
        }
      }
    }
  }

  @Test(arguments: [
    [0x80], [0x08], [0x08, 0x80], [0x08] + Array(repeating: 0xff, count: 11), [0x0a], [0x0a, 0x05, 0x61],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x4d, 1, 2, 3], [0x51, 1, 2, 3, 4, 5, 6, 7],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  ] as [[UInt8]])
  func whatEndsTooEarlyIsTruncated(octets: [UInt8]) {
    // Field 1 of Scalars is a double, of Inner a string: any known or unknown field will do for a cut.
    #expect(error(Everything.Empty.self, octets) == .truncated)
  }

  @Test func wrongWireTypesAreRefused() {
    #expect(error(Everything.Scalars.self, [0x0a, 0]) == .malformed(field: 1))
    #expect(error(Everything.Scalars.self, [0x6d, 0, 0, 0, 0]) == .malformed(field: 13))
    #expect(error(Everything.Scalars.self, [0x1d, 0, 0, 0, 0]) == .malformed(field: 3))
    #expect(error(Everything.Inner.self, [0x08, 1]) == .malformed(field: 1))
    #expect(error(Everything.Repeated.self, [0x70, 1]) == .malformed(field: 14))
    #expect(error(Everything.Repeated.self, [0x4a, 3, 0, 0, 0]) == .malformed(field: 9))
  }

  @Test func tagsWithoutAFieldAndGroupsAreRefused() {
    #expect(error(Everything.Inner.self, [0x00]) == .malformed(field: 0))
    #expect(error(Everything.Inner.self, [0x02, 0]) == .malformed(field: 0))
    #expect(error(Everything.Inner.self, [0x1b]) == .malformed(field: 3))
    #expect(error(Everything.Inner.self, [0x1e]) == .malformed(field: 3))
  }

  @Test func aNULInAStringIsRefused() {
    #expect(error(Everything.Inner.self, [0x0a, 3, 0x61, 0, 0x62]) == .containsNUL(field: "name"))
    let ninth = [0x0a, 9] + [UInt8](repeating: 0x61, count: 8) + [0]
    #expect(error(Everything.Inner.self, ninth) == .containsNUL(field: "name"))
  }

  @Test func textThatIsNoneIsNamedByItsPath() throws {
    // Our encoder writes no NUL, so it is put in where the tilde is.
    let bad = "a~b"
    let inner = Everything.Inner(name: bad, number: 7)
    func field(_ message: some Message) -> MessageError? {
      error(type(of: message), message.serializedBytes().map { $0 == UInt8(ascii: "~") ? 0 : $0 })
    }
    #expect(field(Everything.Scalars(doubleValue: 1, stringValue: bad)) == .containsNUL(field: "string_value"))
    #expect(field(Everything.Scalars(stringValue: "good", inner: inner)) == .containsNUL(field: "inner.name"))
    // Counted apart from other fields, and from 0; numbers between them, and empty texts.
    let texts = Everything.Repeated(int32Value: [1, 2], stringValue: ["", "", bad, bad], bytesValue: [[], []])
    #expect(field(texts) == .containsNUL(field: "string_value[2]"))
    let inners = Everything.Repeated(stringValue: ["x"], inner: [.init(name: ""), .init(name: "y"), inner])
    #expect(field(inners) == .containsNUL(field: "inner[2].name"))
    #expect(field(Everything.Repeated(inner: [inner])) == .containsNUL(field: "inner[0].name"))
    let choice = Everything.Choice(before: "", value: .inner(inner), after: "")
    #expect(field(choice) == .containsNUL(field: "inner.name"))
    let deep = Everything.Nest(level: .init(level: .init(kind: .deep, inner: [.init(name: "x"), inner])))
    #expect(field(deep) == .containsNUL(field: "level.level.inner[1].name"))
    #expect(field(Everything.Maps(texts: [bad: "x"])) == .containsNUL(field: "texts[0].key"))
    #expect(field(Everything.Maps(inners: [3: inner])) == .containsNUL(field: "inners[0].value.name"))
    // Fields that the descriptor does not know stand before it, between it and behind it, cut short.
    let strange: [UInt8] = [0xfa, 0x3f, 1, 0, 0xf8, 0x3f, 5]
    let text: [UInt8] = [0x0a, 1, 0xff]
    #expect(error(Everything.Inner.self, strange + text + [0xff]) == .invalidUTF8(field: "name"))
    let second = WireBytes.build { bytes in
      bytes.bytes(17, strange)
      bytes.bytes(17, strange + text)
    }
    #expect(error(Everything.Repeated.self, strange + second + [0x0a, 99]) == .invalidUTF8(field: "inner[1].name"))
  }

  @Test func utf8IsCheckedAsTheStandardLibraryDoes() {
    var octets: [UInt8] = [0x0a, 4, 0x61, 0, 0, 0x62]
    for first in UInt8(1)...255 {
      for second in UInt8(1)...255 {
        octets[3] = first
        octets[4] = second
        let isValid = String(validating: octets[2...], as: UTF8.self) != nil
        if (error(Everything.Inner.self, octets) == nil) != isValid { Issue.record("\(octets)") }
      }
    }
    let samples: [[UInt8]] = [
      [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf0, 0x8f, 0x80, 0x80], [0xe0, 0x9f, 0xbf],
      [0xf0, 0x9d, 0x84, 0x9e], [0xe2, 0x82], [0xf0, 0x9d, 0x84], [0xef, 0xbf, 0xbf],
    ]
    for sample in samples {
      let isValid = String(validating: sample, as: UTF8.self) != nil
      let found = error(Everything.Inner.self, [0x0a, UInt8(sample.count)] + sample)
      #expect(found == (isValid ? nil : .invalidUTF8(field: "name")), "\(sample)")
    }
  }

  @Test func aSingularMessageThatComesTwiceIsRefused() {
    let once = Everything.Scalars(inner: .init(name: "n")).serializedBytes()
    #expect(error(Everything.Scalars.self, once + once) == .malformed(field: 2047))
  }

  @Test func noRandomInputDoesMoreThanBeRefused() throws {
    var random = SeededGenerator(state: 0x6d75_7374_6572)
    let types = Everything.messageTypes + MusterV1.messageTypes
    for type in types {
      for _ in 0..<150 {
        let octets = (0..<Int.random(in: 0...60, using: &random)).map { _ in
          // Small octets make valid tags and lengths likely.
          UInt8.random(in: 0...(Bool.random(using: &random) ? 40 : 255), using: &random)
        }
        guard error(type, octets) == nil else { continue }
        let (message, encoded) = try reencoded(type, octets)
        #expect(MessageText.text(try reencoded(type, encoded).message) == MessageText.text(message))
      }
    }
  }
}

/// SplitMix64: the same numbers at every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
