/// What one peer may cost. Each limit is a count, a rate or octets, and holds for one connection.
///
/// The rates are far above what grpcio, grpc-go, gRPC C++ and h2load do under load, and far below what nghttp2 1.52
/// lets pass by itself (50,000 resets, 200,000 of each control frame).
public struct SessionLimits: Sendable, Hashable {
  /// Streams open at once, announced as SETTINGS_MAX_CONCURRENT_STREAMS.
  public var concurrentStreamsMax = 256
  /// Octets of one header list, counted as RFC 9113 §6.5.2 does: name + value + 32 for each field. A list of four times as
  /// much has its stream reset.
  public var headerListBytesMax = 16 << 10
  /// Fields of one header block; beyond it the connection ends, since even skipping them costs time.
  public var headerFieldsMax = 8_192
  /// CONTINUATION frames of one header block.
  public var continuationsMax = 8
  /// Octets of the HPACK table we let the peer make us keep, and keep for it.
  public var hpackTableBytesMax = 4096
  /// SETTINGS entries in one frame.
  public var settingsEntriesMax = 32
  /// Acknowledgements of SETTINGS and PING that wait to be sent.
  public var acknowledgementsQueuedMax = 1000

  /// RST_STREAM from the peer (CVE-2023-44487).
  public var resetsReceived = RateLimit(burst: 1_000, perSecond: 100)
  /// RST_STREAM that the peer's mistakes make us send (CVE-2025-8671).
  public var resetsMade = RateLimit(burst: 500, perSecond: 50)
  public var settings = RateLimit(burst: 100, perSecond: 10)
  /// Bandwidth probes of gRPC C++ and Go are pings: a few a second.
  public var pings = RateLimit(burst: 1_000, perSecond: 100)
  public var priorities = RateLimit(burst: 1_000, perSecond: 100)
  /// Each DATA frame we send earns more of them, unless the window was too small for a fuller one.
  public var windowUpdates = RateLimit(burst: 10_000, perSecond: 1_000)
  /// DATA we send in pieces of less than 256 octets because the peer opens its windows that slowly (CVE-2019-9511).
  /// Each frame of 1 KiB and more earns one.
  public var windowDribbles = RateLimit(burst: 1_000, perSecond: 10)
  /// DATA without payload and without END_STREAM.
  public var emptyData = RateLimit(burst: 100, perSecond: 10)
  /// DATA shorter than a gRPC message prefix, or padded, and without END_STREAM.
  public var tinyData = RateLimit(burst: 10_000, perSecond: 1_000)
  /// Frames of types this side does not know.
  public var unknownFrames = RateLimit(burst: 100, perSecond: 10)
  /// HEADERS for streams that are gone, or whose ids go backwards. nghttp2 decodes and ignores them.
  public var strayHeaders = RateLimit(burst: 100, perSecond: 10)
  /// Frames that nghttp2 skips without a word, such as DATA for streams that are gone. Each reset of our own wish earns
  /// what may be on its way then.
  public var ignoredFrames = RateLimit(burst: 10_000, perSecond: 1_000)
  public var goAways = RateLimit(burst: 10, perSecond: 1)
  /// Header lists beyond `headerListBytesMax`; each is answered with 431.
  public var oversizedHeaders = RateLimit(burst: 100, perSecond: 10)

  public init() {}

  /// A client asks for what it gets: when it leaves a stream early, a window full of small frames may be on its way.
  public static var forClients: SessionLimits {
    var limits = SessionLimits()
    limits.ignoredFrames = RateLimit(burst: 1_000_000, perSecond: 100_000)
    return limits
  }
}

/// The flow-control windows and frame sizes this side offers.
public struct SessionSettings: Sendable, Hashable {
  /// Octets a peer may send on one stream before this side consumed any.
  public var streamWindowBytes = 256 << 10
  /// The same for all streams of the connection together.
  public var connectionWindowBytes = 4 << 20
  /// Streams to open before the server's SETTINGS say more (client only).
  public var initialConcurrentStreamsMax = 100

  public init() {}
}
