public import HTTP2

/// What every connection of a server allows.
public struct ServerConfiguration: Sendable {
  /// Windows this side offers.
  public var settings = SessionSettings()
  /// What a peer may cost.
  public var limits = SessionLimits()
  /// The largest request message accepted, in octets, before and after decompression.
  public var messageBytesMax = 4 << 20
  /// Octets of requests that one connection's calls may hold before handlers took them. Large messages are let in
  /// beyond their flow-control window, so the window alone does not bound them.
  public var heldBytesMax = 64 << 20

  public init() {}
}
