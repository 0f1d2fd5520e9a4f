/// What the C callbacks tell the delegate most often.
///
/// A reference to an existential is counted at every use. Through a class that knows the delegate's type, `Unmanaged` can
/// lend it instead; with some twenty callbacks a call that is a tenth of the call's time.
class SessionEvents {
  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? { nil }
  func received(fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject) -> FieldMark? {
    nil
  }
  func receivedAgain(_ mark: FieldMark, on stream: AnyObject) {}
  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {}
  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {}
  func receivedEnd(on stream: AnyObject, id: StreamID) {}
  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {}
  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production { .failed }
}

/// Tells a delegate, which is not kept alive: it owns the session.
final class DelegateEvents<Delegate: SessionDelegate>: SessionEvents {
  private let delegate: Unmanaged<Delegate>

  init(_ delegate: Delegate) {
    self.delegate = .passUnretained(delegate)
  }

  override func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? {
    delegate._withUnsafeGuaranteedRef { $0.streamOpened(id) }
  }

  override func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? {
    delegate._withUnsafeGuaranteedRef { $0.received(fieldName: name, value: value, on: stream) }
  }

  override func receivedAgain(_ mark: FieldMark, on stream: AnyObject) {
    delegate._withUnsafeGuaranteedRef { $0.receivedAgain(mark, on: stream) }
  }

  override func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {
    delegate._withUnsafeGuaranteedRef { $0.receivedHeaders(kind, on: stream, id: id, isTooLarge: isTooLarge) }
  }

  override func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    delegate._withUnsafeGuaranteedRef { $0.received(data: data, on: stream, id: id) }
  }

  override func receivedEnd(on stream: AnyObject, id: StreamID) {
    delegate._withUnsafeGuaranteedRef { $0.receivedEnd(on: stream, id: id) }
  }

  override func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) {
    delegate._withUnsafeGuaranteedRef { $0.streamClosed(stream, id: id, code: code) }
  }

  override func produceData(
    for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer
  ) -> Production {
    delegate._withUnsafeGuaranteedRef { $0.produceData(for: stream, id: id, into: room) }
  }
}
