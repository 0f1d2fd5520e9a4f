import Testing

@testable import Pserv

/// Whom Kea runs as.
struct KeaAccountTests {
  private func account(_ name: String, agentIsRoot: Bool = true) -> KeaAccount {
    KeaAccount(named: name, agentIsRoot: agentIsRoot) { ["root": 0, "_kea": 105, "dhcp": 106][$0] }
  }

  @Test func keaIsNotRootIfItNeedNotBe() {
    #expect(account("_kea") == .own("_kea"))
    #expect(account("dhcp") == .own("dhcp"))
    #expect(account("root") == .agents)
    #expect(account("nobody-knows") == .missing)
    #expect(KeaAccount(named: "_kea", agentIsRoot: true) { _ in nil } == .preferredIsMissing)
  }

  @Test func anAgentThatIsNotRootHasNoChoice() {
    #expect(account("_kea", agentIsRoot: false) == .agents)
    #expect(account("nobody-knows", agentIsRoot: false) == .agents)
  }
}
