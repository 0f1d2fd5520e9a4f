/// Where something listens: `host:port` or `unix:/path`.
package enum Endpoint: Sendable, Hashable {
  /// `host` is an address or a name without brackets; empty means every address.
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// The longest path that fits `sockaddr_un` with its NUL (unix(7)). Octets.
  package static let unixPathBytesMax = 107

  /// Parses an address; nil when it is none.
  package init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = text.dropFirst(5)
      guard path.hasPrefix("/"), path.utf8.count <= Self.unixPathBytesMax, !path.utf8.contains(0) else { return nil }
      self = .unix(path: String(path))
      return
    }
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
    self = .tcp(host: String(host), port: port)
  }

  /// Whether only this machine can reach it. A name other than `localhost` is not trusted to be loopback: what it
  /// resolves to may change.
  package var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): host == "localhost" || host == "::1" || Self.isLoopbackIPv4(host)
    }
  }

  private static func isLoopbackIPv4(_ host: String) -> Bool {
    let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return octets.count == 4 && octets[0] == 127 && octets.allSatisfy { $0 != nil }
  }
}

extension Endpoint: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}
