/// Names one method of a service and says which side streams.
public struct MethodDescriptor: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case unary, clientStreaming, serverStreaming, bidirectional
  }

  private let facts: Facts

  /// One object, so that handing a descriptor around costs one reference count and not three.
  private final class Facts: Sendable {
    let service, method, path: String
    let kind: Kind

    init(service: String, method: String, kind: Kind) {
      self.service = service
      self.method = method
      self.kind = kind
      self.path = "/\(service)/\(method)"
    }
  }

  public init(service: String, method: String, kind: Kind) {
    facts = Facts(service: service, method: method, kind: kind)
  }

  /// The full name of the service, for example `muster.v1.NodeService`.
  public var service: String { facts.service }
  /// The method's name as in the proto file, for example `GetNode`.
  public var method: String { facts.method }
  public var kind: Kind { facts.kind }
  /// `/service/method`, as the `:path` of a request.
  public var path: String { facts.path }

  public static func == (a: MethodDescriptor, b: MethodDescriptor) -> Bool {
    a.facts === b.facts || (a.path == b.path && a.kind == b.kind)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(path)
    hasher.combine(kind)
  }
}
