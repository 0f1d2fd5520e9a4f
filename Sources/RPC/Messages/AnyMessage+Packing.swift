extension GoogleProtobuf.AnyMessage {
  /// The prefix that type URLs have when nothing serves them.
  private static let urlPrefix = "type.googleapis.com/"

  public init(packing message: some Message) {
    self.init(typeUrl: Self.urlPrefix + type(of: message).fullName, value: message.serializedBytes())
  }

  /// Nil when it is a message of another type, or none.
  public func unpacked<Content: Message>(_ type: Content.Type) -> Content? {
    guard typeUrl.hasSuffix("/" + type.fullName) else { return nil }
    do { return try Content(serializedBytes: value) } catch { return nil }
  }
}
