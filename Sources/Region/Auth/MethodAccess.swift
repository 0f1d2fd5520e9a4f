package import RPC

/// What a method asks of its caller.
package enum MethodAccess: Sendable, Hashable {
  /// Anybody, even without a token.
  case anyone
  /// An operator of at least this role.
  case role(Role)
  /// An agent with its lasting credential.
  case agent

  /// The rule for every method. A method that nobody thought of needs an administrator.
  package init(_ method: MethodDescriptor) {
    switch (method.service, method.method) {
    case ("grpc.health.v1.Health", _): self = .anyone
    case ("grpc.reflection.v1.ServerReflection", _), ("grpc.reflection.v1alpha.ServerReflection", _):
      self = .role(.viewer)
    case ("muster.v1.AgentSessionService", "Enroll"): self = .anyone
    case ("muster.v1.AgentSessionService", _): self = .agent
    case (_, let name) where Self.isRead(name): self = .role(.viewer)
    case ("muster.v1.SubnetService", _), ("muster.v1.NodeService", _), ("muster.v1.BootProfileService", _):
      self = .role(.operator)
    default: self = .role(.admin)
    }
  }

  /// Method names follow the API design guide: reads begin with one of these verbs.
  private static func isRead(_ method: String) -> Bool {
    ["Get", "List", "Watch", "Wait", "Export", "Explain"].contains { method.hasPrefix($0) }
  }

  /// Why `principal` may not call, or nil.
  package func refusal(for principal: Principal) -> RPCError? {
    switch self {
    case .anyone:
      return nil
    case .agent:
      if case .agent = principal { return nil }
      return RPCError(.unauthenticated, "an agent's credential is required; enrol first")
    case .role(let needed):
      if principal == .anonymous {
        return RPCError(.unauthenticated, "a token is required (authorization: Bearer TOKEN)")
      }
      guard let role = principal.role else {
        return RPCError(.permissionDenied, "agents may not call operators' methods")
      }
      guard role >= needed else {
        return RPCError(.permissionDenied, "role '\(role.rawValue)' may not do this; it needs '\(needed.rawValue)'")
      }
      return nil
    }
  }
}
