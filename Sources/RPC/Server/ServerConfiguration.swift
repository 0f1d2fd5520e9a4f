public import HTTP2

/// What every connection of a server allows.
public struct ServerConfiguration: Sendable {
  /// Windows this side offers.
  public var settings = SessionSettings()
  /// What a peer may cost.
  public var limits = SessionLimits()
  /// The largest request message accepted, in octets, before and after decompression.
  public var messageBytesMax = 4 << 20

  public init() {}
}
