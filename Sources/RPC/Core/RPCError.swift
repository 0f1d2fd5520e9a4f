/// A call that did not end with `ok`. Handlers throw it to choose the status; clients catch it.
public struct RPCError: Error, Sendable, Hashable {
  public var code: StatusCode
  /// What happened, for people.
  public var message: String
  /// A serialised `google.rpc.Status`, or empty.
  public var details: [UInt8]
  /// Trailing metadata that goes (server) or came (client) with the status.
  public var metadata: Metadata

  public init(
    _ code: StatusCode, _ message: String = "", details: [UInt8] = [], metadata: Metadata = Metadata()
  ) {
    self.code = code
    self.message = message
    self.details = details
    self.metadata = metadata
  }

  public init(
    code: StatusCode, message: String = "", details: [UInt8] = [], metadata: Metadata = Metadata()
  ) {
    self.init(code, message, details: details, metadata: metadata)
  }

  public init(_ status: RPCStatus, metadata: Metadata = Metadata()) {
    self.init(status.code, status.message, details: status.details, metadata: metadata)
  }

  public var status: RPCStatus { RPCStatus(code: code, message: message, details: details) }
}

extension RPCError {
  /// One field of the request is wrong: `invalidArgument`, with a `google.rpc.BadRequest` that names it.
  ///
  /// - Parameters:
  ///   - field: Its path in the request, `node.interfaces[2].mac`.
  ///   - problem: What is wrong with it, a clause that follows its name.
  public init(invalidField field: String, _ problem: String) {
    let message = "\(field) \(problem)"
    let violation = GoogleRpc.BadRequest.FieldViolation(field: field, description: problem)
    let details = [GoogleProtobuf.AnyMessage(packing: GoogleRpc.BadRequest(fieldViolations: [violation]))]
    let status = GoogleRpc.Status(code: Int32(StatusCode.invalidArgument.rawValue), message: message, details: details)
    self.init(.invalidArgument, message, details: status.serializedBytes())
  }
}

extension RPCError: CustomStringConvertible {
  public var description: String { message.isEmpty ? code.name : "\(code.name): \(message)" }
}

/// An error of another module that knows which status a caller gets. Each module conforms its own error
/// in one table.
public protocol RPCErrorConvertible: Error {
  var rpcError: RPCError { get }
}

extension RPCError {
  /// The status a caller gets for what a handler threw. Errors that are not meant for callers become
  /// `internal` without their text; `hide` gets them.
  init(thrownByHandler error: any Error, hide: (any Error) -> Void) {
    switch error {
    case let error as RPCError: self = error
    case let error as any RPCErrorConvertible: self = error.rpcError
    case is CancellationError: self = RPCError(.cancelled, "the call was cancelled")
    default:
      hide(error)
      self = RPCError(.internalError, "internal error")
    }
  }

  /// How a call ends whose own closure for requests threw.
  init(thrownByRequests error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case let error as any RPCErrorConvertible: self = error.rpcError
    case is CancellationError: self = RPCError(.cancelled, "the task was cancelled")
    default: self = RPCError(.cancelled, "the requests failed: \(error)")
    }
  }
}
