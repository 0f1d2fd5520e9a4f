internal import HTTP2

/// The header fields of responses.
enum ResponseFields {
  /// Of nearly every response.
  static let headers = HeaderFields([":status": "200", "content-type": "application/grpc"])
  static let headersGzip = HeaderFields([
    ":status": "200", "content-type": "application/grpc", "grpc-encoding": "gzip",
  ])
  static let plainHeaders = FixedHeaderFields(headers)
  /// Of nearly every end.
  static let trailersOK = HeaderFields(["grpc-status": "0"])
  static let plainTrailersOK = FixedHeaderFields(trailersOK)
  /// For a request that is not gRPC (PROTOCOL-HTTP2.md, "Content-Type").
  static let unsupportedMediaType = HeaderFields([
    ":status": "415", "content-type": "application/grpc", "grpc-status": "2",
    "grpc-message": "the content-type of a gRPC request begins with application/grpc",
  ])
  static let methodNotAllowed = HeaderFields([
    ":status": "405", "allow": "POST", "content-type": "application/grpc", "grpc-status": "2",
    "grpc-message": "the method of a gRPC request is POST",
  ])
  static let headersTooLarge = HeaderFields([
    ":status": "431", "content-type": "application/grpc", "grpc-status": "8",
    "grpc-message": "the request headers exceed the limit",
  ])

  static func headers(_ metadata: Metadata, _ compression: Compression) throws(RPCError) -> HeaderFields {
    var fields = compression == .gzip ? headersGzip : headers
    if !metadata.isEmpty { try fields.add(metadata) }
    return fields
  }

  static func trailers(_ status: RPCStatus, _ metadata: Metadata) -> HeaderFields {
    if status.code == .ok, metadata.isEmpty, status.message.isEmpty { return trailersOK }
    var fields = HeaderFields()
    add(status, metadata, to: &fields)
    return fields
  }

  static func trailersOnly(_ status: RPCStatus, _ metadata: Metadata) -> HeaderFields {
    var fields = headers
    add(status, metadata, to: &fields)
    return fields
  }

  /// Metadata that cannot travel turns the end into an error: the handler's author finds out at once.
  private static func add(_ status: RPCStatus, _ metadata: Metadata, to fields: inout HeaderFields) {
    var custom = HeaderFields()
    var status = status
    do throws(RPCError) {
      try custom.add(metadata)
    } catch {
      status = error.status
      custom = HeaderFields()
    }
    fields.add("grpc-status", "\(status.code.rawValue)")
    if !status.message.isEmpty {
      fields.add("grpc-message", octets: PercentEncoding.encode(status.message).prefix(messageBytesMax))
    }
    if !status.details.isEmpty, status.details.count <= detailsBytesMax {
      fields.add("grpc-status-details-bin", octets: Base64.encode(status.details))
    }
    fields.add(contentsOf: custom)
  }

  /// Octets of an encoded `grpc-message`. Clients refuse header lists beyond 8 KiB.
  private static let messageBytesMax = 2 << 10
  /// Octets of `grpc-status-details-bin` before base64; more is left out, as the status itself matters more.
  private static let detailsBytesMax = 4 << 10
}
