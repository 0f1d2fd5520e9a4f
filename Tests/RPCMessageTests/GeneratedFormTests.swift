internal import RPC
internal import Testing

/// The form of the generated Swift, and the octets it makes.
@Suite struct GeneratedFormTests {
  @Test func octetsAreThoseOfTheProtobufGuide() throws {
    var inner = Everything.Inner()
    inner.name = "testing"
    inner.number = 150
    // developers.google.com/protocol-buffers/docs/encoding: 150 is 96 01, "testing" is 07 and its letters.
    #expect(inner.serializedBytes() == [0x0a, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67, 0x10, 0x96, 0x01])
    #expect(try Everything.Inner(serializedBytes: inner.serializedBytes()) == inner)
  }

  @Test func signsZigzagsAndFixedWidthsHaveTheirOctets() {
    #expect(Everything.Scalars(int32Value: -1).serializedBytes() == [0x18] + Array(repeating: 0xff, count: 9) + [0x01])
    #expect(Everything.Scalars(sint32Value: -1).serializedBytes() == [0x38, 0x01])
    #expect(Everything.Scalars(fixed32Value: 1).serializedBytes() == [0x4d, 1, 0, 0, 0])
    #expect(Everything.Scalars(sign: .minus).serializedBytes() == [0x80, 0x01] + Array(repeating: 0xff, count: 9) + [0x01])
    #expect(Everything.Repeated(int32Value: [1, 300]).serializedBytes() == [0x1a, 3, 1, 0xac, 2])
    #expect(Everything.Repeated(unpacked: [1, 300]).serializedBytes() == [0x98, 0x01, 1, 0x98, 0x01, 0xac, 2])
  }

  @Test func aDefaultMessageHasNoOctets() throws {
    for type in Everything.messageTypes {
      #expect(try reencoded(type, []).octets == [], "\(type)")
    }
  }

  @Test func packedAndUnpackedNumbersAreBothRead() throws {
    let numbers: [Int32] = [1, 300, -5]
    let packed = Everything.Repeated(int32Value: numbers).serializedBytes()
    let unpacked = Everything.Repeated(unpacked: numbers).serializedBytes()
    #expect(try Everything.Repeated(serializedBytes: packed).int32Value == numbers)
    #expect(try Everything.Repeated(serializedBytes: unpacked).unpacked == numbers)
    // The same two the other way round: field 3 unpacked, field 19 packed.
    let swapped = WireBytes.build { bytes in
      for number in numbers {
        bytes.tag(3, 0)
        bytes.varint(UInt64(bitPattern: Int64(number)))
      }
      bytes.bytes(19, [1, 0xac, 2])
    }
    let read = try Everything.Repeated(serializedBytes: swapped)
    #expect(read.int32Value == numbers)
    #expect(read.unpacked == [1, 300])
  }

  @Test(arguments: [
    Everything.Choice.OneOfValue.stringValue(""), .bytesValue([]), .boolValue(false), .doubleValue(0),
    .sint32Value(0), .sign(.unspecified), .inner(.init()), .duration(.init()),
  ])
  func aChosenDefaultIsStillChosen(value: Everything.Choice.OneOfValue) throws {
    let message = Everything.Choice(before: "a", value: value, after: "z")
    #expect(try Everything.Choice(serializedBytes: message.serializedBytes()) == message)
  }

  @Test func ofSeveralChoicesTheLastCounts() throws {
    let octets = Everything.Choice(value: .stringValue("text")).serializedBytes()
      + Everything.Choice(value: .inner(.init(name: "n"))).serializedBytes()
      + Everything.Choice(value: .bytesValue([1, 2])).serializedBytes()
    #expect(try Everything.Choice(serializedBytes: octets).value == .bytesValue([1, 2]))
  }

  @Test func anUnknownEnumNumberIsKept() throws {
    let message = Everything.Scalars(sign: .unrecognized(77))
    #expect(try Everything.Scalars(serializedBytes: message.serializedBytes()).sign == .unrecognized(77))
    #expect(Everything.Sign(rawValue: -1) == .minus)
    #expect(Everything.Sign.unrecognized(1) == .plus)
    #expect(Everything.Sign.far.name == "FAR")
    #expect(Everything.Sign.known == [.unspecified, .plus, .minus, .far])
  }

  @Test func anAbsentMessageDiffersFromAnEmptyOne() throws {
    #expect(try Everything.Scalars(serializedBytes: Everything.Scalars().serializedBytes()).inner == nil)
    #expect(try Everything.Scalars(serializedBytes: Everything.Scalars(inner: .init()).serializedBytes()).inner == .init())
  }

  @Test func namesThatMeanSomethingElseStillWork() throws {
    var names = Everything.Names()
    names.base = "1"
    names.default = "3"
    names.class = "4"
    names.self_ = "5"
    names.init_ = "6"
    names.hashValue_ = 17
    names.unknownFields_ = "24"
    names.switch = .in("20")
    names.entry = ["b": "2", "a": "1"]
    #expect(try Everything.Names(serializedBytes: names.serializedBytes()) == names)
    #expect(Everything.Names.fieldNames.prefix(3) == ["base", "descriptor", "default"])
  }

  @Test func mapsAreWrittenInTheOrderOfTheirKeys() {
    let maps = Everything.Maps(texts: ["b": "2", "a": "1", "c": "3"])
    #expect(maps.serializedBytes() == Everything.Maps(texts: ["c": "3", "a": "1", "b": "2"]).serializedBytes())
    #expect(maps.serializedBytes()[4] == UInt8(ascii: "a"))
  }

  @Test func aNULInOurOwnTextDoesNotCutIt() throws {
    let inner = Everything.Inner(name: "a\0b", number: 1)
    #expect(try Everything.Inner(serializedBytes: inner.serializedBytes()) == Everything.Inner(name: "a?b", number: 1))
  }
}
