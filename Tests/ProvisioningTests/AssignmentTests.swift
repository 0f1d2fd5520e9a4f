import Testing

@testable import Provisioning

@Suite struct AssignmentTests {
  private func agent(_ name: AgentName, _ state: Agent.State = .enrolled, address: IPv4Address? = "10.1.0.5") -> Agent {
    var agent = Agent(id: AgentID(bits: 1), name: name, state: state, created: Timestamp(seconds: 0))
    if let address { agent.links = [AgentLink(interface: "eth0", fabric: .default, addresses: [address])] }
    return agent
  }

  private let subnet = SubnetSpec(name: "hall1", prefix: "10.1.0.0/22")

  @Test func onlyEligibleAgentsAreChosen() {
    func choose(_ agents: [Agent], _ spec: SubnetSpec? = nil) -> Assignment {
      Assignment.choose(for: spec ?? subnet, dhcpID: .first, owner: nil, among: agents)
    }
    #expect(choose([]) == .keep)
    #expect(choose([agent("a", address: "10.2.0.5")]) == .keep)
    #expect(choose([agent("a", .pending), agent("b", .draining), agent("c", .drained)]) == .keep)
    #expect(choose([agent("a", address: "10.2.0.5"), agent("b")]) == .move(to: "b"))
    var named = subnet
    named.agents = ["c"]
    #expect(choose([agent("b"), agent("c", address: nil)], named) == .move(to: "c"))
    // Whoever is named and has another network only cannot serve, unless relays bring the requests.
    #expect(choose([agent("c", address: "10.2.0.5")], named) == .keep)
    named.relays = ["10.1.0.1"]
    #expect(choose([agent("c", address: "10.2.0.5")], named) == .move(to: "c"))
    var restricted = agent("b")
    restricted.allowedSubnets = ["hall2"]
    #expect(choose([restricted]) == .keep)
  }

  @Test func aSubnetStaysWithItsOwnerWhateverItsLinksDo() {
    let owner = agent("a", address: nil)
    #expect(Assignment.choose(for: subnet, dhcpID: .first, owner: "a", among: [owner, agent("b")]) == .keep)
    #expect(
      Assignment.choose(for: subnet, dhcpID: .first, owner: "a", among: [agent("a", .draining), agent("b")])
        == .move(to: "b"))
    #expect(Assignment.choose(for: subnet, dhcpID: .first, owner: "a", among: [agent("b")]) == .move(to: "b"))
    #expect(Assignment.choose(for: subnet, dhcpID: .first, owner: "a", among: []) == .release)
  }

  @Test func subnetsSpreadEvenlyAndFewMoveWhenAnAgentComes() throws {
    let agents = try (1...10).map { agent(try AgentName("rack\($0)")) }
    func owners(_ agents: [Agent]) -> [Assignment] {
      (1...2000).map { Assignment.choose(for: subnet, dhcpID: DHCPSubnetID(number: $0), owner: nil, among: agents) }
    }
    let before = owners(agents)
    let counts = Dictionary(grouping: before) { $0 }.mapValues(\.count)
    #expect(counts.count == 10)
    #expect(counts.values.allSatisfy { (130...270).contains($0) }, "\(counts.values.sorted())")
    let after = owners(agents + [agent("rack11")])
    let moved = zip(before, after).filter { $0 != $1 }
    #expect(moved.allSatisfy { $1 == .move(to: "rack11") })
    #expect((110...260).contains(moved.count))
    #expect(owners(agents.reversed()) == before)
  }
}
