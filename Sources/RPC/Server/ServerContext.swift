/// What a handler knows about its call besides the messages.
///
/// Cancellation is the cancellation of the handler's task: it comes when the client cancels, the deadline
/// passes, the connection is lost, or a graceful shutdown runs out of patience.
public struct ServerContext: Sendable {
  let call: ServerCall
  private var values: [ObjectIdentifier: any Sendable]?

  init(call: ServerCall) {
    self.call = call
    self.values = nil
  }

  /// A context without a connection, for tests of handlers. What is sent through it goes nowhere.
  public init(
    method: MethodDescriptor, metadata: Metadata = Metadata(), deadline: ContinuousClock.Instant? = nil,
    peer: Peer = .inMemory
  ) {
    let call = ServerCall(peer: peer)
    call.begin(method: method, metadata: metadata, deadline: deadline)
    self.init(call: call)
  }

  public var method: MethodDescriptor { call.method }

  /// The request's metadata without the headers that belong to gRPC itself.
  public var metadata: Metadata { call.requestMetadata }

  /// When the caller stops waiting.
  public var deadline: ContinuousClock.Instant? { call.deadline }

  public var peer: Peer { call.peer }

  /// A value that an interceptor left. Modules usually wrap it:
  /// `extension ServerContext { var principal: Principal? { get { self[PrincipalKey.self] } … } }`.
  public subscript<Key: ServerContextKey>(_ key: Key.Type) -> Key.Value? {
    get { values?[ObjectIdentifier(key)] as? Key.Value }
    set { values = (values ?? [:]).merging([ObjectIdentifier(key): newValue as any Sendable]) { $1 } }
  }

  /// Sends the response headers now, before the first message.
  ///
  /// - Throws: `RPCError(.internalError)` when the headers went already.
  public func sendInitialMetadata(_ metadata: Metadata) throws {
    try call.sendInitialMetadata(metadata)
  }

  /// Replaces the metadata that goes with the status.
  public func setTrailingMetadata(_ metadata: Metadata) {
    call.setTrailingMetadata(metadata)
  }

  /// Compresses the response messages that follow, if the client accepts the encoding.
  public func setCompression(_ compression: Compression) {
    call.setCompression(compression)
  }
}

/// Names a value in a `ServerContext`.
public protocol ServerContextKey: Sendable {
  associatedtype Value: Sendable
}
