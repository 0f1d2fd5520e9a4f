internal import HTTP2

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

  /// Takes a field as it came.
  ///
  /// - Returns: What it says to any request of the connection, so that it need not be read again; nil if that is not all.
  @discardableResult
  mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, router: Router) -> FieldMeaning? {
    guard let meaning = read(name, value, router) else { return nil }
    add(meaning)
    return meaning
  }

  @inline(__always)
  mutating func add(_ meaning: FieldMeaning) {
    switch meaning {
    case .nothing: break
    case .post: isPost = true
    case .grpc: isGRPC = true
    case .encoding(let compression): encoding = .known(compression)
    case .acceptsGzip(let isAccepted): acceptsGzip = isAccepted
    case .route(let route): self.route = route
    }
  }

  private mutating func read(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ router: Router
  ) -> FieldMeaning? {
    // The length alone tells most names apart.
    switch name.count {
    case 5 where name.equals(":path"):
      if let route = router.route(path: value) { return .route(route) }
      path = Array(value.prefix(RequestHead.unknownPathBytesMax))
    case 7 where name.equals(":method"):
      if value.equals("POST") { return .post }
    case 7 where name.equals(":scheme"), 10 where name.equals(":authority"), 2 where name.equals("te"): return .nothing
    case 12 where name.equals("content-type"):
      if RequestHead.isGRPC(contentType: value) { return .grpc }
      isGRPC = false
    case 12 where name.equals("grpc-timeout"):
      timeout = Timeout.parse(value).map { .after($0) } ?? .malformed
    case 13 where name.equals("grpc-encoding"):
      if let compression = RequestHead.compression(named: value) { return .encoding(compression) }
      encoding = .unknown(value.text)
    case 20 where name.equals("grpc-accept-encoding"):
      let isAccepted = value.split(separator: UInt8(ascii: ",")).contains { part in
        part.filter { $0 != UInt8(ascii: " ") }.elementsEqual("gzip".utf8)
      }
      return .acceptsGzip(isAccepted)
    case 14 where name.equals("content-length"): return .nothing
    default:
      if name.first != UInt8(ascii: ":") { metadata.append(name: name, value: value) }
    }
    return nil
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

/// What a header field says to a request, without the request.
enum FieldMeaning {
  /// It is in order, and a call does not go by it.
  case nothing
  case post
  case grpc
  case encoding(Compression)
  case acceptsGzip(Bool)
  /// Of the connection's router, which keeps its routes.
  case route(LentRoute)

  /// The same for the session, which remembers it beside the field.
  var mark: FieldMark {
    switch self {
    case .nothing: FieldMark(rawValue: 0)
    case .post: FieldMark(rawValue: 1)
    case .grpc: FieldMark(rawValue: 2)
    case .encoding(.identity): FieldMark(rawValue: 3)
    case .encoding(.gzip): FieldMark(rawValue: 4)
    case .acceptsGzip(false): FieldMark(rawValue: 5)
    case .acceptsGzip(true): FieldMark(rawValue: 6)
    // No object has an address so low.
    case .route(let route): FieldMark(rawValue: UInt(bitPattern: route.toOpaque()))
    }
  }

  @inline(__always)
  init(_ mark: FieldMark) {
    switch mark.rawValue {
    case 0: self = .nothing
    case 1: self = .post
    case 2: self = .grpc
    case 3: self = .encoding(.identity)
    case 4: self = .encoding(.gzip)
    case 5: self = .acceptsGzip(false)
    case 6: self = .acceptsGzip(true)
    default:
      guard let address = UnsafeRawPointer(bitPattern: mark.rawValue) else { preconditionFailure("0 is `nothing`") }
      self = .route(.fromOpaque(address))
    }
  }
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
