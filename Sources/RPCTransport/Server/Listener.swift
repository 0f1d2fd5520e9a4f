/// Where a server listens, and whether with TLS.
public struct Listener: Sendable {
  public var address: ListenAddress
  public var tls: ServerTLS?

  public init(address: ListenAddress, tls: ServerTLS? = nil) {
    self.address = address
    self.tls = tls
  }
}

/// Why a server cannot start.
public enum ServerError: Error, Hashable, Sendable {
  /// Cleartext is for loopback and unix sockets only.
  case cleartextNotLocal(ListenAddress)
  case cannotListen(ListenAddress, reason: String)
  /// Certificate or key cannot be used.
  case tls(reason: String)
}

extension ServerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cleartextNotLocal(let address):
      "refusing to listen on \(address) without TLS; cleartext is for loopback and unix sockets"
    case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
    case .tls(let reason): "TLS cannot be set up: \(reason)"
    }
  }
}
