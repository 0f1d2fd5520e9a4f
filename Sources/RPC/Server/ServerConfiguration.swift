public import HTTP2

/// What every connection of a server allows.
public struct ServerConfiguration: Sendable, Hashable {
  /// Windows this side offers.
  public var settings = SessionSettings()
  /// What a peer may cost.
  public var limits = SessionLimits()
  /// The largest request message accepted, in octets, before and after decompression.
  public var messageBytesMax = 4 << 20
  /// What one request message may cost to decode.
  public var message = MessageLimits.standard
  /// Octets of requests that one connection's calls hold before handlers took them, and of responses before the client
  /// took them. Large messages are let in beyond their flow-control window, and a handler's last response never waits, so
  /// the windows alone bound neither.
  public var heldBytesMax = 64 << 20

  /// Octets of `heldBytesMax` that are told to the server at a time: what all connections share is touched rarely.
  public static let heldStepBytes = 64 << 10

  public init() {}
}
