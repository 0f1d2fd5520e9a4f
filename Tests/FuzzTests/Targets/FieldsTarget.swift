@testable import RPC

/// What stands in header fields. An input is lines of `name: value`, as octets.
enum FieldsTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    values(input)
    var request = RequestHead()
    var response = ResponseHead()
    for line in input.split(separator: UInt8(ascii: "\n")) {
      // A pseudo field's name begins with a colon.
      let colon = line.dropFirst().firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
      let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
      let value = UnsafeRawBufferPointer(rebasing: line[colon...].dropFirst())
      request.add(name: name, value: value, router: router)
      response.add(name: name, value: value)
    }
    _ = request.metadata.metadata()
    _ = request.metadata.hasMalformedBinary
    _ = response.metadata
    _ = response.status
    _ = router.unimplemented(path: String(decoding: request.path, as: UTF8.self))
    if case .after(let timeout) = request.timeout { _ = ContinuousClock.now.advanced(by: timeout) }
  }

  private static let router = Router(handlers: [
    .immediate(Bench.EchoMethods.unary) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) }
  ])

  private static func values(_ octets: UnsafeRawBufferPointer) {
    let bytes = Array(octets)
    precondition(Base64.decode(Base64.encode(bytes)) == bytes, "base64 changes octets")
    if let decoded = Base64.decode(bytes) {
      precondition(Base64.decode(Base64.encode(decoded)) == decoded, "base64 changes what it read")
    }
    let text = String(decoding: octets, as: UTF8.self)
    let encoded = PercentEncoding.encode(text)
    precondition(encoded.allSatisfy { (0x20...0x7e).contains($0) }, "an encoded message is not printable")
    encoded.withUnsafeBytes { precondition(PercentEncoding.decode($0) == text, "percent encoding changes a message") }
    _ = PercentEncoding.decode(octets)
    if let timeout = Timeout.parse(octets) {
      let again = Array(Timeout.format(timeout).utf8).withUnsafeBytes { Timeout.parse($0) }
      // Rounded up to the unit that fits, never down, and by less than one part in a thousand or one hour.
      precondition(again.map { $0 >= timeout && $0 - timeout <= max(timeout / 1000, .seconds(3600)) } == true, "\(timeout) became \(String(describing: again))")
    }
  }
}
