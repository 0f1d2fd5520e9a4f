/// What a caller may set for one call.
public struct CallOptions: Sendable {
  /// From the start of the call to its end, connecting included. Travels as `grpc-timeout`; the server
  /// cancels the handler, the client ends the call with `deadlineExceeded` by itself.
  public var timeout: Duration?
  /// Sent with the request headers.
  public var metadata: Metadata
  /// Whether a call waits for a connection instead of failing with `unavailable` when there is none.
  public var waitForReady: Bool
  /// How request messages are compressed.
  public var compression: Compression
  /// The largest response message accepted, in octets after decompression.
  public var maxResponseBytes: Int

  public init(
    timeout: Duration? = nil,
    metadata: Metadata = Metadata(),
    waitForReady: Bool = false,
    compression: Compression = .identity,
    maxResponseBytes: Int = CallOptions.responseBytesMaxDefault
  ) {
    self.timeout = timeout
    self.metadata = metadata
    self.waitForReady = waitForReady
    self.compression = compression
    self.maxResponseBytes = maxResponseBytes
  }

  /// 4 MiB, as in every gRPC implementation.
  public static let responseBytesMaxDefault = 4 << 20
}

/// An encoding of messages (`grpc-encoding`).
public enum Compression: String, Sendable, Hashable, CaseIterable {
  case identity
  case gzip
}
