import Provisioning
import Testing

@testable import Region

@Suite struct StatusTests {
  static let now = Timestamp(seconds: 1_795_320_542)

  private func subnet(_ change: (inout StatusFacts.SubnetFact) -> Void) -> StatusFacts {
    var fact = StatusFacts.SubnetFact(
      progress: ApplyProgress(
        subnet: "hall1", head: Generation(8), applied: Generation(8),
        owner: .init(agent: "rack1", lastSeen: Self.now)), nodes: 501, poolUsed: 3, poolSize: 100)
    change(&fact)
    return StatusFacts(now: Self.now, subnets: [fact])
  }

  @Test func aHealthyRegionHasNoProblems() {
    #expect(subnet { _ in }.problems().isEmpty)
  }

  @Test func aSubnetWithoutOwnerIsAnOutage() {
    let problem = subnet { $0.progress.owner = nil }.problems().first
    #expect(problem?.severity == .outage)
    #expect(problem?.message == "no agent can serve hall1 (501 nodes)")
    #expect(problem?.fix == "name one with a link in it or behind its relay: 'muster subnet update hall1 --agents AGENT'")
  }

  @Test func aSilentOwnerIsNamedOnceAndNotForEachSubnet() {
    var facts = subnet { $0.progress.owner?.isOnline = false }
    facts.agents = [
      .init(name: "rack1", isOnline: false, lastSeen: Self.now.advanced(bySeconds: -240), subnets: 40)
    ]
    #expect(facts.problems().map(\.message) == ["rack1 silent for 4m and owns 40 subnets"])
  }

  @Test func aShortLagIsNoProblem() {
    let behind: (Int64) -> StatusFacts = { seconds in
      subnet {
        $0.progress.applied = Generation(7)
        $0.behindSince = Self.now.advanced(bySeconds: -seconds)
      }
    }
    #expect(behind(2).problems().isEmpty)
    #expect(behind(30).problems().map(\.message) == ["hall1 at generation 7 of 8 for 30s"])
  }

  @Test func theWorstComesFirstAndTheListEnds() {
    var facts = StatusFacts(now: Self.now)
    for index in 1...150 {
      facts.agents.append(
        .init(name: AgentName(stringLiteral: "rack\(index)"), isOnline: true, lastSeen: Self.now, subnets: 1, warnings: ["slow"]))
    }
    facts.subnets = subnet { $0.progress.trouble = "DHCP server 10.1.0.254 already answers on eno2" }.subnets
    let problems = facts.problems()
    #expect(problems.count == StatusProblem.countMax)
    #expect(problems[0].message == "hall1 not served: DHCP server 10.1.0.254 already answers on eno2")
    #expect(problems[1].subject == "agent/rack1")
    #expect(problems[2].subject == "agent/rack2")
  }

  @Test func aFullPoolIsWorseThanANearlyFullOne() {
    #expect(subnet { $0.poolUsed = 95 }.problems().map(\.code) == ["POOL_NEARLY_FULL"])
    #expect(subnet { $0.poolUsed = 100 }.problems().map(\.code) == ["POOL_FULL"])
  }

  @Test func quarantinedNodesDegradeTheirSubnet() {
    let problem = subnet { $0.progress.quarantined = 2 }.problems().first
    #expect(problem?.message == "rack1 refuses 2 nodes of hall1")
    #expect(problem?.severity == .degraded)
  }
}
