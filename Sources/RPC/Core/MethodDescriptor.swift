/// Names one method of a service and says which side streams.
public struct MethodDescriptor: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case unary, clientStreaming, serverStreaming, bidirectional
  }

  /// The full name of the service, for example `muster.v1.NodeService`.
  public let service: String
  /// The method's name as in the proto file, for example `GetNode`.
  public let method: String
  public let kind: Kind
  /// `/service/method`, as the `:path` of a request.
  public let path: String

  public init(service: String, method: String, kind: Kind) {
    self.service = service
    self.method = method
    self.kind = kind
    self.path = "/\(service)/\(method)"
  }
}
