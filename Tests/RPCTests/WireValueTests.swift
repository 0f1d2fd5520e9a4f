import Testing

@testable import RPC

@Suite struct WireValueTests {
  private func parse(_ text: String) -> Duration? {
    var text = text
    return text.withUTF8 { Timeout.parse(UnsafeRawBufferPointer($0)) }
  }

  @Test(arguments: [
    ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
    ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("99999999H", .seconds(99_999_999 * 3600)), ("0S", .zero),
  ])
  func aTimeoutHasEightDigitsAndAUnit(_ text: String, _ timeout: Duration) {
    #expect(parse(text) == timeout)
  }

  @Test(arguments: ["", "S", "1", "123456789S", "1s", "-1S", "1.5S", " 1S", "1SS", "S1"])
  func aMalformedTimeoutIsNone(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test(arguments: [
    Duration.nanoseconds(1), .milliseconds(50), .seconds(1), .seconds(100), .seconds(86_400), .seconds(10_000_000),
    .seconds(1_000_000_000),
  ])
  func aFormattedTimeoutIsNeverShorter(_ timeout: Duration) throws {
    let parsed = try #require(parse(Timeout.format(timeout)))
    #expect(parsed >= timeout)
    #expect(parsed <= timeout * 1.01 + .seconds(3600) * (timeout > .seconds(99_999_999) ? 1 : 0) + .nanoseconds(1))
  }

  @Test func aPastDeadlineIsATimeoutOfZero() {
    #expect(Timeout.format(.seconds(-1)) == "0n")
  }

  @Test(arguments: ["", "plain", "100%", "ü☺😈", "\t\ntabs", " space ends ", "a%20b"])
  func aStatusMessageSurvivesTheWire(_ text: String) {
    let encoded = PercentEncoding.encode(text)
    #expect(encoded.allSatisfy { $0 >= 0x20 && $0 <= 0x7e })
    #expect(encoded.withUnsafeBytes { PercentEncoding.decode($0) } == text)
  }

  @Test func whatIsNoEscapeStays() {
    let text = Array("50% of %zz and %4".utf8)
    #expect(text.withUnsafeBytes { PercentEncoding.decode($0) } == "50% of %zz and %4")
  }

  @Test func base64SurvivesEveryLength() {
    for count in 0..<50 {
      let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
      let text = Base64.encode(octets)
      #expect(!text.contains(UInt8(ascii: "=")))
      #expect(Base64.decode(text) == octets)
      #expect(Base64.decode(text + Array(repeating: UInt8(ascii: "="), count: (4 - text.count % 4) % 4)) == octets)
    }
  }

  @Test(arguments: ["A", "AAAAA", "A=AA", "AA*A", "AAA==", "===="])
  func whatIsNotBase64IsRefused(_ text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }

  @Test func aPathIsFoundByItsOctets() {
    let paths = (0..<200).map { "/service.v1.Thing\($0 / 10)/Method\($0)" }
    let table = PathTable(paths.enumerated().map { ($1, $0) })
    for (index, path) in paths.enumerated() {
      #expect(Array(path.utf8).withUnsafeBytes { table[$0] } == index)
    }
    #expect(Array("/service.v1.Thing0/Method999".utf8).withUnsafeBytes { table[$0] } == nil)
    #expect(UnsafeRawBufferPointer(start: nil, count: 0).isEmpty)
  }

  @Test(arguments: [
    ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;charset=utf-8", true),
    ("application/grpc+proto;x=y", true), ("application/grpc+json", false), ("application/grpcx", false),
    ("application/json", false), ("", false),
  ])
  func onlyGRPCWithProtobufIsSpoken(_ contentType: String, _ isSpoken: Bool) {
    var contentType = contentType
    #expect(contentType.withUTF8 { RequestHead.isGRPC(contentType: UnsafeRawBufferPointer($0)) } == isSpoken)
  }

  @Test func malformedBinaryMetadataIsNoticedAndLeftOut() {
    var raw = RawMetadata()
    for (name, value) in [("a-bin", "qqs,AAA"), ("b", "*"), ("c-bin", "*")] {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { value in raw.append(name: name, value: value) }
      }
    }
    #expect(raw.hasMalformedBinary)
    let metadata = raw.metadata()
    #expect(metadata.binaries(for: "a-bin") == [[0xaa, 0xab], [0, 0]])
    #expect(metadata["b"] == "*")
    #expect(metadata[binary: "c-bin"] == nil)
  }
}
