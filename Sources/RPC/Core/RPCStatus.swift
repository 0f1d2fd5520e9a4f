/// How a call ended: what travels in the trailers.
public struct RPCStatus: Sendable, Hashable {
  public var code: StatusCode
  /// For people. UTF-8 of any kind; it is percent-encoded on the wire.
  public var message: String
  /// A serialised `google.rpc.Status` for `grpc-status-details-bin`; empty when there is none.
  public var details: [UInt8]

  public init(code: StatusCode, message: String = "", details: [UInt8] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  public static let ok = RPCStatus(code: .ok)
}
