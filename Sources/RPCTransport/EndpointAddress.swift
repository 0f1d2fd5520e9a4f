/// Where a server listens or a client connects.
public enum EndpointAddress: Sendable, Hashable {
  /// An empty host is every address when listening, and loopback when connecting.
  case tcp(host: String, port: Int)
  case unix(path: String)

  /// Reads `127.0.0.1:7610`, `[::1]:7610`, `localhost:7610`, `:7610` or `unix:/run/muster.sock`.
  public init(_ text: String) throws(EndpointAddressError) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      guard !path.isEmpty else { throw .emptyPath(text) }
      guard path.utf8.count <= EndpointAddress.unixPathBytesMax else { throw .pathTooLong(text) }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":") else { throw .noPort(text) }
    guard let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else { throw .badPort(text) }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      // `::1` alone would be read as host `:` and port 1.
      throw .needsBrackets(text)
    }
    self = .tcp(host: String(host), port: port)
  }

  /// Whether only this machine can reach the address.
  public var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
  }

  /// What `sockaddr_un` holds, without the terminating NUL.
  static let unixPathBytesMax = 107
}

/// The name under which servers know it.
public typealias ListenAddress = EndpointAddress

extension EndpointAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// Why a text is not an address.
public enum EndpointAddressError: Error, Hashable, Sendable {
  case noPort(String)
  case badPort(String)
  case needsBrackets(String)
  case emptyPath(String)
  case pathTooLong(String)
}

extension EndpointAddressError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noPort(let text): "'\(text)' has no port; write host:port or unix:/path"
    case .badPort(let text): "'\(text)' has no port between 0 and 65535"
    case .needsBrackets(let text): "'\(text)' is ambiguous; write an IPv6 address as [address]:port"
    case .emptyPath(let text): "'\(text)' has no path"
    case .pathTooLong(let text): "'\(text)' is longer than the \(EndpointAddress.unixPathBytesMax) bytes of a socket path"
    }
  }
}
