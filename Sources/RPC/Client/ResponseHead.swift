/// The header fields of a response or of its trailers, sorted as they arrive.
struct ResponseHead {
  /// Only response headers have it.
  var httpStatus: Int?
  var isGRPC = false
  var encoding: Compression? = .identity
  private var statusCode: Int?
  private var statusMessage = ""
  private var statusDetails: [UInt8] = []
  private var raw = RawMetadata()

  init() {}

  mutating func removeAll() {
    self = ResponseHead()
  }

  mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    switch name.count {
    case 7 where name.equals(":status"): httpStatus = Int(value.text)
    case 12 where name.equals("content-type"): isGRPC = RequestHead.isGRPC(contentType: value)
    case 13 where name.equals("grpc-encoding"): encoding = Compression(rawValue: value.text)
    case 11 where name.equals("grpc-status"): statusCode = Int(value.text) ?? StatusCode.unknown.rawValue
    case 12 where name.equals("grpc-message"): statusMessage = PercentEncoding.decode(value)
    case 23 where name.equals("grpc-status-details-bin"): statusDetails = Base64.decode(value) ?? []
    case 20 where name.equals("grpc-accept-encoding"): break
    default: if name.first != UInt8(ascii: ":") { raw.append(name: name, value: value) }
    }
  }

  var metadata: Metadata { raw.metadata() }

  /// The status, if these fields carry one.
  var status: RPCStatus? {
    guard let statusCode else { return nil }
    // Codes that gRPC does not know become UNKNOWN (statuscodes.md).
    return RPCStatus(code: StatusCode(rawValue: statusCode) ?? .unknown, message: statusMessage, details: statusDetails)
  }
}
