public import HTTP2

/// Why a server closes a connection that its peer would have kept. The names are the values of a metric's dimension:
/// few, and never made of what a peer sent.
public enum ClosingReason: Sendable, Hashable {
  /// Something happened too often, or was too much: `SessionLimits`.
  case limit(Violation)
  /// The peer broke HTTP/2, and GOAWAY told it so.
  case error(ErrorCode)
  /// The first octets were not HTTP/2's preface.
  case badPreface
  /// `ServerLimits.connectionsMax`.
  case connectionsFull
  /// `ServerLimits.establishingTimeout`.
  case establishing
  /// `ServerLimits.keepaliveTimeout`.
  case keepalive
  /// `ServerLimits.heldBytesMax`: it held most.
  case memory
  /// `ServerLimits.stallTimeout`.
  case stalled
  case tlsHandshake
  /// TLS agreed on another protocol.
  case wrongProtocol

  public init(_ error: HTTP2Error) {
    switch error {
    case .violation(let violation): self = .limit(violation)
    case .badPreface: self = .badPreface
    case .library: self = .error(error.goAwayCode)
    }
  }

  /// For example `resets_received` or `flow_control_error`.
  public var name: String {
    switch self {
    case .limit(let violation): violation.rawValue
    case .error(let code): code.description.lowercased()
    case .badPreface: "bad_preface"
    case .connectionsFull: "connections_full"
    case .establishing: "establishing"
    case .keepalive: "keepalive"
    case .memory: "memory"
    case .stalled: "stalled"
    case .tlsHandshake: "tls_handshake"
    case .wrongProtocol: "wrong_protocol"
    }
  }

  /// Every reason there is.
  public static let all: [ClosingReason] =
    Violation.allCases.map { .limit($0) } + ErrorCode.known.dropFirst().map { .error($0) } + [
      .badPreface, .connectionsFull, .establishing, .keepalive, .memory, .stalled, .tlsHandshake, .wrongProtocol,
    ]
}

/// Why a server answers a call without asking its handler, or takes it from the handler.
public enum RefusalReason: String, Sendable, Hashable, CaseIterable {
  /// The path leads nowhere: UNIMPLEMENTED.
  case unknownMethod = "unknown_method"
  /// HTTP 415.
  case contentType = "content_type"
  /// HTTP 405.
  case httpMethod = "http_method"
  /// HTTP 431; `SessionLimits.headerListBytesMax`.
  case headerList = "header_list"
  /// UNIMPLEMENTED, with `grpc-accept-encoding`.
  case encoding
  /// INTERNAL.
  case malformedTimeout = "malformed_timeout"
  /// INTERNAL: a `-bin` value is not base64.
  case malformedMetadata = "malformed_metadata"
  /// RESOURCE_EXHAUSTED; `ServerConfiguration.heldBytesMax`.
  case connectionMemory = "connection_memory"
  /// RESOURCE_EXHAUSTED; `ServerLimits.heldBytesMax`.
  case serverMemory = "server_memory"
}
