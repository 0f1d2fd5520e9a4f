import Provisioning
import RPC
import Settings
import Testing
import Wire

@testable import Region

@Suite struct AuthenticationTests {
  private let rack: AgentName = "rack1"
  private let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"

  private func tokens(role: String = "operator") throws -> TokensFile {
    let hex = SecretHash(of: secret).octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return try TokensFile(name: "tokens", text: "# people\nops1 \(role) \(hex)\n")
  }

  private func call(
    _ method: MethodDescriptor, tokens: TokensFile?, authorization: String?, peer: Peer = .inMemory
  ) async throws -> Principal {
    var metadata = Metadata()
    if let authorization { metadata.add(authorization, for: "authorization") }
    var context = ServerContext(method: method, metadata: metadata, peer: peer)
    let hash = SecretHash(of: "agent-secret")
    let interceptor = AuthenticationInterceptor(tokens: tokens) { $0 == hash ? rack : nil }
    try await interceptor.intercept(&context)
    return context.principal
  }

  private func code(_ body: () async throws -> Principal) async -> StatusCode {
    do {
      _ = try await body()
      return .ok
    } catch { return (error as? RPCError)?.code ?? .unknown }
  }

  @Test func withoutTokensACallerOnThisMachineIsALocalAdministrator() async throws {
    let principal = try await call(MusterV1.AgentServiceMethods.createAgent, tokens: nil, authorization: nil)
    #expect(principal == .local)
    let remote = Peer(address: "10.0.0.1:1", isLoopbackOrUnix: false)
    #expect(await code { try await call(MusterV1.AgentServiceMethods.createAgent, tokens: nil, authorization: nil, peer: remote) } == .unauthenticated)
  }

  @Test func withTokensEvenALocalCallerNeedsOne() async throws {
    let tokens = try tokens()
    #expect(await code { try await call(MusterV1.AgentServiceMethods.listAgents, tokens: tokens, authorization: nil) } == .unauthenticated)
    let principal = try await call(
      MusterV1.AgentServiceMethods.listAgents, tokens: tokens, authorization: "bearer \(secret)")
    #expect(principal == .operators(name: "ops1", role: .operator))
  }

  @Test func aRoleMayDoNoMoreThanItSays() async throws {
    let viewer = try tokens(role: "viewer")
    let create = MethodDescriptor(service: "muster.v1.NodeService", method: "CreateNode", kind: .unary)
    let list = MethodDescriptor(service: "muster.v1.NodeService", method: "ListNodes", kind: .unary)
    #expect(await code { try await call(list, tokens: viewer, authorization: "Bearer \(secret)") } == .ok)
    #expect(await code { try await call(create, tokens: viewer, authorization: "Bearer \(secret)") } == .permissionDenied)
    let operators = try tokens()
    #expect(await code { try await call(create, tokens: operators, authorization: "Bearer \(secret)") } == .ok)
    #expect(
      await code {
        try await call(MusterV1.AgentServiceMethods.drainAgent, tokens: operators, authorization: "Bearer \(secret)")
      } == .permissionDenied)
  }

  @Test func anAgentMayOpenItsSessionAndNothingElse() async throws {
    let session = MusterV1.AgentSessionServiceMethods.session
    #expect(try await call(session, tokens: nil, authorization: "Bearer agent-secret") == .agent("rack1"))
    #expect(await code { try await call(session, tokens: nil, authorization: nil) } == .unauthenticated)
    #expect(
      await code { try await call(MusterV1.AgentServiceMethods.listAgents, tokens: nil, authorization: "Bearer agent-secret") }
        == .permissionDenied)
  }

  @Test func aWrongTokenIsRefusedEvenWhereNoneIsNeeded() async throws {
    for header in ["Bearer wrong", "Basic abc", "Bearer", "Bearer a b", String(repeating: "x", count: 600)] {
      #expect(
        await code { try await call(MusterV1.AgentServiceMethods.listAgents, tokens: nil, authorization: header) }
          == .unauthenticated)
    }
  }

  @Test func enrolmentNeedsNoIdentity() async throws {
    #expect(
      try await call(MusterV1.AgentSessionServiceMethods.enroll, tokens: tokens(), authorization: nil) == .anonymous)
  }

  @Test func everyWrongLineOfTheTokensFileIsNamed() throws {
    let text = "ops1 admin abc\nops2 king \(String(repeating: "a", count: 64))\nops3\n\n# fine\n"
    let error = #expect(throws: SettingsProblems.self) { try TokensFile(name: "tokens", text: text) }
    #expect(error?.problems.map(\.source) == ["tokens:1", "tokens:2", "tokens:3"])
    #expect(throws: SettingsProblems.self) { try TokensFile(name: "tokens", text: "") }
  }

  @Test func secretsAreFortyThreeURLSafeCharacters() {
    let text = Secret.text((.max, 0, 0x0123_4567_89ab_cdef, 1))
    #expect(text.count == 43)
    #expect(text.hasPrefix("__________8AAAAAAAAA"))
    #expect(text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
  }
}
