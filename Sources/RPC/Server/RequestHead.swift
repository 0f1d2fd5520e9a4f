#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The header fields of a request, sorted as they arrive. Blocks never interleave on a connection (RFC 9113 §4.3), so
/// one value serves all its streams.
struct RequestHead {
  /// Method names, paths and values are compared as octets; only metadata that a handler asks for becomes text.
  var route: LentRoute?
  var path: [UInt8] = []
  var isPost = false
  var isGRPC = false
  var timeout: TimeoutField = .absent
  var encoding: EncodingField = .known(.identity)
  var acceptsGzip = false
  var metadata = RawMetadata()

  enum TimeoutField: Equatable {
    case absent, malformed
    case after(Duration)
  }

  enum EncodingField: Equatable {
    case known(Compression)
    case unknown(String)
  }

  init() {}

  mutating func removeAll() {
    route = nil
    if !path.isEmpty { path.removeAll(keepingCapacity: true) }
    isPost = false
    isGRPC = false
    timeout = .absent
    encoding = .known(.identity)
    acceptsGzip = false
    metadata.removeAll()
  }

  mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, router: Router) {
    // The length alone tells most names apart.
    switch name.count {
    case 5 where name.equals(":path"):
      route = router.route(path: value)
      if route == nil { path = Array(value.prefix(RequestHead.unknownPathBytesMax)) }
    case 7 where name.equals(":method"): isPost = value.equals("POST")
    case 7 where name.equals(":scheme"), 10 where name.equals(":authority"), 2 where name.equals("te"): break
    case 12 where name.equals("content-type"): isGRPC = RequestHead.isGRPC(contentType: value)
    case 12 where name.equals("grpc-timeout"):
      timeout = Timeout.parse(value).map { .after($0) } ?? .malformed
    case 13 where name.equals("grpc-encoding"):
      encoding = RequestHead.compression(named: value).map { .known($0) } ?? .unknown(value.text)
    case 20 where name.equals("grpc-accept-encoding"):
      acceptsGzip = value.split(separator: UInt8(ascii: ",")).contains { part in
        part.filter { $0 != UInt8(ascii: " ") }.elementsEqual("gzip".utf8)
      }
    case 14 where name.equals("content-length"): break
    default:
      if name.first != UInt8(ascii: ":") { metadata.append(name: name, value: value) }
    }
  }

  /// `application/grpc`, optionally followed by `+proto` and by parameters. Other message encodings than
  /// protobuf are not spoken here.
  static func isGRPC(contentType value: UnsafeRawBufferPointer) -> Bool {
    let base: StaticString = "application/grpc"
    guard value.starts(with: base) else { return false }
    let rest = UnsafeRawBufferPointer(rebasing: value[base.utf8CodeUnitCount...])
    guard let next = rest.first else { return true }
    return next == UInt8(ascii: ";") || rest.equals("+proto") || rest.starts(with: "+proto;")
  }

  private static func compression(named value: UnsafeRawBufferPointer) -> Compression? {
    if value.equals("identity") { return .identity }
    if value.equals("gzip") { return .gzip }
    return nil
  }

  /// Octets of an unknown path that are repeated to the client.
  private static let unknownPathBytesMax = 256
}

extension UnsafeRawBufferPointer {
  func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  func equals(_ other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count, let baseAddress, let start = other.baseAddress else { return count == other.count }
    return memcmp(baseAddress, start, count) == 0
  }

  func starts(with text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length, let baseAddress else { return length == 0 }
    return memcmp(baseAddress, text.utf8Start, length) == 0
  }

  var text: String { String(decoding: self, as: UTF8.self) }
}
