public import RPC

/// What a server allows; every number has a unit and may be changed by configuration.
public struct ServerLimits: Sendable {
  /// For each connection: windows, streams, rates, message size.
  public var connection = ServerConfiguration()
  /// Connections open at once, over all listeners. Further ones are closed when they are accepted.
  public var connectionsMax = 20_000
  /// Connections that the kernel queues before they are accepted.
  public var backlogMax = 1024
  /// From the accept to the client's SETTINGS, TLS handshake included.
  public var establishingTimeout: Duration = .seconds(20)
  /// A connection without calls is closed gracefully after it; nil keeps it for ever.
  public var idleTimeout: Duration? = nil
  /// Silence before the server asks whether the client lives; nil for never.
  public var keepaliveInterval: Duration? = .seconds(60)
  /// From that ping to any answer.
  public var keepaliveTimeout: Duration = .seconds(20)
  /// How long calls may run on after shutdown began.
  public var drainTimeout: Duration = .seconds(30)
  /// How long a client may take to notice the shutdown before its connection takes no more calls.
  public var goAwayTimeout: Duration = .seconds(2)

  public init() {}
}

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
