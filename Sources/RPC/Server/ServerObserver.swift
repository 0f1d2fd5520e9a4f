public import HTTP2

/// Hears what a server's connections do, for metrics and logs. Called on the connection's thread; must be quick.
///
/// A class, so that a call's end is told to it without a copy.
public protocol ServerObserver: AnyObject, Sendable {
  /// A call ended: with this status, so many nanoseconds after its headers were read.
  ///
  /// - Parameter method: The index in `Router.methods`, or nil for a call that was refused before its method was known.
  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64)

  /// A handler threw an error that is not meant for callers; they were told `internal error`.
  func handlerFailed(_ method: MethodDescriptor, _ error: any Error)

  /// A call was answered without its handler.
  func callRefused(_ reason: RefusalReason)

  /// RST_STREAM left.
  func streamReset(_ code: ErrorCode)

  /// A peer's connection is being closed. Told once a connection.
  func connectionClosing(_ reason: ClosingReason, peer: Peer)
}

/// Hears nothing.
public final class NullServerObserver: ServerObserver {
  public init() {}
  public func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {}
  public func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {}
  public func callRefused(_ reason: RefusalReason) {}
  public func streamReset(_ code: ErrorCode) {}
  public func connectionClosing(_ reason: ClosingReason, peer: Peer) {}
}
