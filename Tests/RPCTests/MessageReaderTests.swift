import Testing

@testable import RPC

@Suite struct MessageReaderTests {
  private let message = Bench.EchoRequest(id: 3, name: "abc", payload: [1, 2, 3])

  @Test func aMessageSplitAtEveryOctetIsWhole() throws {
    let octets = framed([message])
    for split in 0...octets.count {
      var reader = MessageReader()
      var credit = 0
      credit += octets[..<split].withUnsafeBytes { reader.append($0) }
      credit += octets[split...].withUnsafeBytes { reader.append($0) }
      #expect(try reader.take(Bench.EchoRequest.self, credit: &credit) == message)
      #expect(credit == octets.count)
      reader.end()
      #expect(try reader.take(Bench.EchoRequest.self, credit: &credit) == nil)
    }
  }

  @Test func aCompleteMessageIsCreditedWhenItIsTaken() throws {
    let octets = framed([message, message])
    var reader = MessageReader()
    #expect(octets.withUnsafeBytes { reader.append($0) } == 0)
    var credit = 0
    _ = try reader.take(Bench.EchoRequest.self, credit: &credit)
    #expect(credit == octets.count / 2)
    _ = try reader.take(Bench.EchoRequest.self, credit: &credit)
    #expect(credit == octets.count)
  }

  @Test func anIncompleteMessageIsCreditedAtOnce() {
    var reader = MessageReader()
    #expect([0, 0, 0, 1, 0, 9].withUnsafeBytesOfOctets { reader.append($0) } == 6)
  }

  @Test func aLengthBeyondTheLimitIsRefusedBeforeItsOctetsCome() {
    var reader = MessageReader(messageBytesMax: 1000)
    _ = [0, 0xff, 0xff, 0xff, 0xff].withUnsafeBytesOfOctets { reader.append($0) }
    var credit = 0
    let error = #expect(throws: RPCError.self) { _ = try reader.take(Bench.EchoRequest.self, credit: &credit) }
    #expect(error?.code == .resourceExhausted)
    // What follows is thrown away, not kept.
    #expect([UInt8](repeating: 0, count: 100).withUnsafeBytes { reader.append($0) } == 100)
    #expect(reader.queuedBytes == 5)
  }

  @Test(arguments: 2...255) func anUnknownFlagIsRefused(_ flag: Int) {
    var reader = MessageReader()
    _ = [UInt8(flag), 0, 0, 0, 0].withUnsafeBytesOfOctets { reader.append($0) }
    var credit = 0
    let error = #expect(throws: RPCError.self) { _ = try reader.take(Bench.EchoRequest.self, credit: &credit) }
    #expect(error?.code == .internalError)
  }

  @Test func whatIsTooMuchIsExhaustedAndWhatIsWrongIsInternal() {
    var limits = MessageLimits()
    limits.fieldsMax = 3
    for (octets, code) in [
      ([8, 0, 8, 0, 8, 0, 8, 0], StatusCode.resourceExhausted), ([8], .internalError), ([0x0a, 0], .internalError),
    ] as [([UInt8], StatusCode)] {
      for content in [DecodingRules.Content.requests, .responses] {
        #expect(refusal(of: octets, as: content, limits: limits)?.code == code)
      }
    }
  }

  @Test func textThatIsNoneIsTheCallersMistakeInARequestAndTheServersInAResponse() throws {
    for (octets, problem) in [
      ([0x12, 2, 0x61, 0], "contains a NUL; remove that character"), ([0x12, 1, 0xff], "is not UTF-8; encode it so"),
    ] as [([UInt8], String)] {
      let ofCaller = try #require(refusal(of: octets, as: .requests))
      #expect(ofCaller.code == .invalidArgument)
      #expect(ofCaller.message == "name \(problem)")
      let status = try GoogleRpc.Status(serializedBytes: ofCaller.details)
      #expect(status.code == 3 && status.message == ofCaller.message)
      let badRequest = try #require(status.details.first?.unpacked(GoogleRpc.BadRequest.self))
      #expect(badRequest.fieldViolations == [.init(field: "name", description: problem)])

      let ofServer = try #require(refusal(of: octets, as: .responses))
      #expect(ofServer.code == .internalError)
      #expect(ofServer.message == "a message is not a valid bench.EchoRequest: name \(problem)")
      #expect(ofServer.details.isEmpty)
    }
  }

  private func refusal(
    of octets: [UInt8], as content: DecodingRules.Content, limits: MessageLimits = .standard
  ) -> RPCError? {
    var reader = MessageReader()
    reader.reset(messageBytesMax: 100, limits: limits, compression: .identity, content: content, keepBytesMax: 0)
    _ = ([0, 0, 0, 0, UInt8(octets.count)] + octets).withUnsafeBytesOfOctets { reader.append($0) }
    var credit = 0
    return #expect(throws: RPCError.self) { _ = try reader.take(Bench.EchoRequest.self, credit: &credit) }
  }

  @Test func aStreamThatEndsWithinAMessageIsAnError() {
    let octets = framed([message])
    for end in 1..<octets.count {
      var reader = MessageReader()
      _ = octets[..<end].withUnsafeBytes { reader.append($0) }
      reader.end()
      var credit = 0
      #expect(throws: RPCError.self) { _ = try reader.take(Bench.EchoRequest.self, credit: &credit) }
    }
  }

  @Test func compressionNeedsToBeAgreed() throws {
    let octets = framed([message], compression: .gzip)
    var agreed = MessageReader(compression: .gzip)
    var credit = 0
    _ = octets.withUnsafeBytes { agreed.append($0) }
    #expect(try agreed.take(Bench.EchoRequest.self, credit: &credit) == message)
    var other = MessageReader()
    _ = octets.withUnsafeBytes { other.append($0) }
    #expect(throws: RPCError.self) { _ = try other.take(Bench.EchoRequest.self, credit: &credit) }
  }

  @Test func aGzipBombIsRefusedBeforeItUnfolds() {
    var bomb = ByteQueue()
    let zeros = [UInt8](repeating: 0, count: 3 << 20)
    zeros.withUnsafeBytes { Gzip.compress($0, into: &bomb) }
    // 3 KB to 3 MiB: within the size, beyond the ratio.
    let error = #expect(throws: RPCError.self) { _ = try Gzip.decompress(bomb.bytes, sizeMax: 4 << 20).count }
    #expect(error?.code == .resourceExhausted)
    #expect(throws: RPCError.self) { _ = try Gzip.decompress(bomb.bytes, sizeMax: 1 << 20).count }
  }

  @Test func whatIsNotGzipIsRefused() {
    for octets in [[], [1, 2, 3], [0x1f, 0x8b], [UInt8](repeating: 0x1f, count: 100)] as [[UInt8]] {
      #expect(throws: RPCError.self) { _ = try octets.withUnsafeBytes { try Gzip.decompress($0, sizeMax: 1000).count } }
    }
  }

  @Test func whatWasSentCanBeSentAgainUntilItIsForgotten() {
    var writer = MessageWriter()
    writer.keepSent()
    writer.append(message)
    let count = writer.queuedBytes
    var octets = [UInt8](repeating: 0, count: count)
    #expect(octets.withUnsafeMutableBytes { writer.take(into: $0) } == count)
    #expect(writer.queuedBytes == 0)
    writer.rewind()
    #expect(writer.queuedBytes == count)
    _ = octets.withUnsafeMutableBytes { writer.take(into: $0) }
    writer.forgetSent()
    writer.rewind()
    #expect(writer.queuedBytes == 0)
  }
}

extension [UInt8] {
  fileprivate func withUnsafeBytesOfOctets<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { withUnsafeBytes(body) }
}
