package import Provisioning
package import RPC

/// Finds out who calls and whether the method is for him; leaves the `Principal` in the context.
package struct AuthenticationInterceptor: ServerInterceptor {
  /// Finds the agent whose credential has this hash; nil when nobody's has.
  package typealias AgentLookup = @Sendable (SecretHash) async throws -> AgentName?

  private let tokens: TokensFile?
  private let agentName: AgentLookup

  /// Octets of an `authorization` header that are looked at; ours are 50.
  package static let authorizationBytesMax = 512

  /// - Parameter tokens: Nil when none are configured; callers on this machine are then local administrators, and
  ///   start-up has made sure that nobody else can connect.
  package init(tokens: TokensFile?, agentName: @escaping AgentLookup) {
    self.tokens = tokens
    self.agentName = agentName
  }

  package func intercept(_ context: inout ServerContext) async throws {
    let principal = try await principal(of: context)
    if let refusal = MethodAccess(context.method).refusal(for: principal) { throw refusal }
    context.principal = principal
  }

  private func principal(of context: ServerContext) async throws -> Principal {
    guard let header = context.metadata["authorization"] else {
      return tokens == nil && context.peer.isLoopbackOrUnix ? .local : .anonymous
    }
    guard header.utf8.count <= Self.authorizationBytesMax, let secret = Self.bearerToken(header) else {
      throw RPCError(.unauthenticated, "authorization must be 'Bearer' and a token")
    }
    if let principal = tokens?.principal(bearing: secret) { return principal }
    if let name = try await agentName(SecretHash(of: secret)) { return .agent(name) }
    throw RPCError(.unauthenticated, "unknown token")
  }

  /// The token of `Bearer …`; the scheme's case does not matter (RFC 9110 §11.1).
  private static func bearerToken(_ header: String) -> String? {
    let words = header.split(separator: " ", omittingEmptySubsequences: true)
    guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
    return String(words[1])
  }
}

private enum PrincipalKey: ServerContextKey {
  typealias Value = Principal
}

extension ServerContext {
  /// Who calls. Handlers run behind the interceptor, which always sets it; without one the caller is nobody.
  package var principal: Principal {
    get { self[PrincipalKey.self] ?? .anonymous }
    set { self[PrincipalKey.self] = newValue }
  }
}
