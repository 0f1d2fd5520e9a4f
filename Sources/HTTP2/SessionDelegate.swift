/// What happens on a session, in the order of the wire, while `Session.receive` or `Session.nextOutput` runs.
///
/// Octets are borrowed for the call. Every method may submit frames on the session; none may call
/// `receive` or `nextOutput`. A stream is shown with the object that stands for it: the one the delegate gave
/// when the stream opened. The session does not keep it alive; the delegate does, until `streamClosed` is done.
public protocol SessionDelegate: AnyObject {
  /// A peer opened a stream (server side). Its header fields follow.
  ///
  /// - Returns: The stream's object, which the delegate holds, or nil to refuse the stream with REFUSED_STREAM.
  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>?

  /// One field of the current header block. Fields that exceed `SessionLimits.headerListBytesMax` are not shown.
  ///
  /// - Returns: What to say by `receivedAgain` instead when the peer sends the same field with a later request, or nil to be
  ///   shown it again.
  func received(fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject) -> FieldMark?

  /// One field of the current header block, the same that was shown with an earlier one (server side).
  func receivedAgain(_ mark: FieldMark, on stream: AnyObject)

  /// The block ended.
  ///
  /// - Parameter isTooLarge: Fields were left out because of `headerListBytesMax`.
  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool)

  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID)

  /// The peer sent END_STREAM.
  func receivedEnd(on stream: AnyObject, id: StreamID)

  /// The stream is gone: both sides ended it, or one reset it. Its object is not used any more.
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode)

  /// Room for the stream's next DATA frame.
  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production

  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String)

  func receivedPingAcknowledgement(_ payload: UInt64)

  /// The peer's SETTINGS took effect.
  func receivedSettings()

  /// RST_STREAM left, because somebody here asked for it or because of what the peer did.
  func sentReset(_ code: ErrorCode)

  /// GOAWAY left, because somebody here asked for it or because of what the peer did.
  func sentGoAway(_ code: ErrorCode)
}

extension SessionDelegate {
  public func receivedAgain(_ mark: FieldMark, on stream: AnyObject) {
    preconditionFailure("a delegate that gives a field a mark has to take it")
  }

  public func sentReset(_ code: ErrorCode) {}
  public func sentGoAway(_ code: ErrorCode) {}
}

/// What a delegate wants to know of a header field; to the session just a number.
public struct FieldMark: RawRepresentable, Sendable {
  public var rawValue: UInt

  public init(rawValue: UInt) { self.rawValue = rawValue }
}

public enum HeadersKind: Sendable {
  case request
  /// A response with a status of 200 or above.
  case response
  /// 1xx.
  case informational
  case trailers
}

/// What a stream put into a DATA frame.
public enum Production: Sendable {
  /// So many octets, and more may follow at once.
  case octets(Int)
  /// So many octets, then END_STREAM.
  case end(Int)
  /// So many octets, then trailers, which the delegate submitted during the call.
  case endWithTrailers(Int)
  /// Nothing now; `Session.resume` asks again.
  case later
  /// The body cannot be completed; the stream is reset with INTERNAL_ERROR.
  case failed
}
