/// What a server allows; every number has a unit and may be changed by configuration (see `LimitSetting`).
public struct ServerLimits: Sendable, Hashable {
  /// For each connection: windows, streams, rates, message size.
  public var connection = ServerConfiguration()
  /// Connections open at once, over all listeners. Further ones are closed when they are accepted.
  public var connectionsMax = 20_000
  /// Connections that the kernel queues before they are accepted.
  public var backlogMax = 1024
  /// Octets of requests and responses that all connections hold together. Beyond it calls that need more end with
  /// `RESOURCE_EXHAUSTED`, and the connections that hold most are closed. What a connection holds counts in steps of
  /// `ServerConfiguration.heldStepBytes`, so a connection that holds less is never affected.
  public var heldBytesMax = 512 << 20
  /// From the accept to the client's SETTINGS, TLS handshake included.
  public var establishingTimeout: Duration = .seconds(20)
  /// A connection without calls is closed gracefully after it; nil keeps it for ever.
  public var idleTimeout: Duration? = nil
  /// Silence before the server asks whether the client lives; nil for never.
  public var keepaliveInterval: Duration? = .seconds(60)
  /// From that ping to any answer.
  public var keepaliveTimeout: Duration = .seconds(20)
  /// A client that lets responses wait and takes less than `stallBytesMin` of them in this time is closed; nil lets it
  /// hold them for ever.
  public var stallTimeout: Duration? = .seconds(120)
  /// How long calls may run on after shutdown began.
  public var drainTimeout: Duration = .seconds(30)
  /// How long a client may take to notice the shutdown before its connection takes no more calls.
  public var goAwayTimeout: Duration = .seconds(2)

  /// Octets of responses that prove a reader.
  public static let stallBytesMin = 1024

  public init() {}
}
