import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// Enrolment, placement, drain and removal, as operators and agents see them.
@Suite(.timeLimit(.minutes(2))) struct AgentLifeTests {
  let rig: RegionRig

  init() throws { rig = try RegionRig() }

  private var sessions: MusterV1.AgentSessionServiceClient { .init(channel: rig.channel) }

  private func link(_ address: IPv4Address) -> MusterV1.Link {
    MusterV1.Link(
      interface: "eno1", fabric: "default", addresses: [MusterV1.LinkAddress(address: address.bits, prefixLength: 24)],
      up: true)
  }

  private func code<Value>(_ body: () async throws -> Value) async -> StatusCode {
    do {
      _ = try await body()
      return .ok
    } catch { return (error as? RPCError)?.code ?? .unknown }
  }

  @Test func aTokenIsGoodForOneAgentOnceAndARepeatGetsTheSameIdentity() async throws {
    let token = try await rig.agents.createAgent(.init(name: "rack1")).enrollmentToken
    let attempt = [UInt8](repeating: 5, count: 16)
    let first = try await sessions.enroll(.init(agent: "rack1", token: token, attempt: attempt))
    let again = try await sessions.enroll(.init(agent: "rack1", token: token, attempt: attempt))
    #expect(first.agentUid == again.agentUid)
    let thief = MusterV1.EnrollRequest(agent: "rack1", token: token, attempt: .init(repeating: 6, count: 16))
    #expect(await code { try await sessions.enroll(thief) } == .unauthenticated)
    // After the first session even the right attempt comes too late.
    try await rig.session("rack1", credential: again.credential, memory: AgentMemory()) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
    }
    #expect(
      await code { try await sessions.enroll(.init(agent: "rack1", token: token, attempt: attempt)) }
        == .unauthenticated)
  }

  @Test func aWrongTokenTellsNothingAboutWhichAgentsThereAre() async throws {
    _ = try await rig.agents.createAgent(.init(name: "rack1"))
    let attempt = [UInt8](repeating: 5, count: 16)
    for name in ["rack1", "rack2"] {
      #expect(
        await code { try await sessions.enroll(.init(agent: name, token: "wrong", attempt: attempt)) }
          == .unauthenticated)
    }
    #expect(
      await code { try await sessions.enroll(.init(agent: "rack1", token: "x", attempt: [1])) } == .invalidArgument)
  }

  @Test func aTokenExpiresAfterADay() async throws {
    let token = try await rig.agents.createAgent(.init(name: "rack1")).enrollmentToken
    rig.advance(seconds: AgentHandler.tokenSeconds + 1)
    #expect(
      await code { try await sessions.enroll(.init(agent: "rack1", token: token, attempt: .init(repeating: 5, count: 16))) }
        == .unauthenticated)
  }

  @Test func theAnswerToARepeatedCreationHoldsNoSecret() async throws {
    let first = try await rig.agents.createAgent(.init(name: "rack1", requestId: "r1"))
    #expect(first.enrollmentToken.count == 43)
    let again = try await rig.agents.createAgent(.init(name: "rack1", requestId: "r1"))
    #expect(again.enrollmentToken.isEmpty)
    #expect(again.agent?.uid == first.agent?.uid)
    #expect(await code { try await rig.agents.createAgent(.init(name: "rack1")) } == .alreadyExists)
    #expect(await code { try await rig.agents.createAgent(.init(name: "no spaces")) } == .invalidArgument)
  }

  @Test func anAgentSaysWhereItHasItsBootFiles() async throws {
    let credential = try await rig.enrol("rack1")
    try await rig.session("rack1", credential: credential, memory: AgentMemory()) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      probe.send(.bootFiles(MusterV1.BootFiles(root: "/data/boot")))
      probe.send(.renew(MusterV1.Renew(sessionEpoch: 1)))
      try await probe.wait { seen, _ in seen.messages.contains { if case .renewAck = $0 { true } else { false } } }
      #expect(rig.context.sessions.bootRoot(of: "rack1") == "/data/boot")
    }
  }

  @Test func aNewTokenEndsTheOldIdentity() async throws {
    let credential = try await rig.enrol("rack1")
    let status = try await rig.session("rack1", credential: credential, memory: AgentMemory()) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      _ = try await rig.agents.reissueToken(.init(name: "rack1"))
      try await probe.waitForEnd()
    }
    #expect(status.code == .unauthenticated)
    let later = try await rig.session("rack1", credential: credential, memory: AgentMemory()) { try await $0.waitForEnd() }
    #expect(later.code == .unauthenticated)
  }

  @Test func aSubnetThatNobodyServedGoesToTheAgentThatComesWithALink() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24")
    #expect(try await rig.row(id).progress.owner == nil)
    let credential = try await rig.enrol("rack1")
    let memory = AgentMemory(links: [link("10.9.0.1")])
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      #expect(try await rig.row(id).progress.owner == nil)
      let renew = MusterV1.Renew(sessionEpoch: 1, links: [link("10.1.0.1")], linksChanged: true)
      probe.send(.renew(renew))
      try await rig.wait(for: id) { $0.progress.owner == "rack1" && $0.progress.applied == $0.progress.head }
      // The link goes away again: nothing moves.
      probe.send(.renew(MusterV1.Renew(sessionEpoch: 1, links: [], linksChanged: true)))
      try await probe.wait { seen, _ in
        seen.messages.count { if case .renewAck = $0 { true } else { false } } == 2
      }
    }
    #expect(try await rig.row(id).progress.owner == "rack1")
    #expect(try await rig.row(id).progress.epoch == Epoch(1))
  }

  @Test func aSubnetWaitsForTheFirstOfSeveralAgentsThatAreAway() async throws {
    _ = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1", "rack2"])
    #expect(try await rig.row(id).progress.owner == nil)
    try await rig.session("rack2", credential: two, memory: AgentMemory(boot: 2)) { _ in
      try await rig.wait(for: id) { $0.progress.owner == "rack2" && $0.progress.applied == $0.progress.head }
    }
    let only = try await rig.addSubnet("hall2", "10.2.0.0/24", agents: ["rack1"])
    #expect(try await rig.row(only).progress.owner == "rack1")
  }

  @Test func aDrainedSubnetMovesOnlyWhenItsOwnerHasStopped() async throws {
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    try await rig.session("rack1", credential: one, memory: AgentMemory(), acknowledges: false) { first in
      try await first.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1", "rack2"])
      try await first.wait { seen, _ in seen.deltas == 1 }
      first.apply(id)
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let memory = AgentMemory(boot: 2)
      try await rig.session("rack2", credential: two, memory: memory) { second in
        try await second.wait { seen, _ in !seen.messages.isEmpty }
        let moves = try await rig.agents.drainAgent(.init(name: "rack1")).moves
        #expect(moves == [MusterV1.SubnetMove(subnet: "hall1", from: "rack1", to: "rack2", epoch: 2)])
        try await first.wait { seen, _ in seen.messages.contains { if case .revoke = $0 { true } else { false } } }
        #expect(try await rig.row(id).progress.owner == "rack1")
        #expect(memory[id] == nil)
        first.release(id, Epoch(2))
        try await rig.wait(for: id) { $0.progress.owner == "rack2" && $0.progress.applied == $0.progress.head }
        #expect(try await rig.row(id).progress.epoch == Epoch(2))
      }
    }
    #expect(try await rig.events(.agentDrained).map(\.agent) == ["rack1"])
    #expect(try await rig.agents.getAgent(.init(name: "rack1")).state == .drained)
  }

  @Test func anUndrainBeforeTheHandoverKeepsTheSubnetAtANewEpoch() async throws {
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    let memory = AgentMemory()
    try await rig.session("rack1", credential: one, memory: memory, acknowledges: false) { first in
      try await first.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1", "rack2"])
      try await first.wait { seen, _ in seen.deltas == 1 }
      try await rig.session("rack2", credential: two, memory: AgentMemory(boot: 2)) { second in
        try await second.wait { seen, _ in !seen.messages.isEmpty }
        _ = try await rig.agents.drainAgent(.init(name: "rack1"))
        try await first.wait { _, memory in memory[id]?.isOwned == false }
        _ = try await rig.agents.undrainAgent(.init(name: "rack1"))
        try await first.wait { _, memory in memory[id]?.isOwned == true }
        #expect(memory[id]?.epoch ?? .zero > Epoch(2))
        // The late word about the old epoch changes nothing.
        first.release(id, Epoch(2))
        first.apply(id)
        try await rig.wait(for: id) { $0.progress.owner == "rack1" && $0.progress.applied == $0.progress.head }
      }
    }
  }

  @Test func aDrainWithoutAnotherAgentIsRefusedAndMovesNothing() async throws {
    let credential = try await rig.enrol("rack1")
    try await rig.session("rack1", credential: credential, memory: AgentMemory()) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let plan = try await rig.agents.drainAgent(.init(name: "rack1", validateOnly: true))
      #expect(plan.moves.map(\.to) == [""])
      #expect(await code { try await rig.agents.drainAgent(.init(name: "rack1")) } == .failedPrecondition)
      #expect(try await rig.agents.getAgent(.init(name: "rack1")).state == .online)
    }
  }

  @Test func aServedSubnetIsNotGivenToAgentsThatCannotServeIt() async throws {
    let subnets = MusterV1.SubnetServiceClient(channel: rig.channel)
    @Sendable func name(_ agents: [String], dhcp: Bool = true) -> MusterV1.UpdateSubnetRequest {
      .init(
        subnet: .init(name: "hall1", dhcpEnabled: dhcp, agents: agents), updateMask: .init(paths: ["agents", "dhcp_enabled"]))
    }
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    _ = try await rig.enrol("rack3")
    try await rig.session("rack1", credential: one, memory: AgentMemory(links: [link("10.1.0.1")])) { first in
      try await first.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
      _ = try await subnets.updateSubnet(name(["rack1"]))
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let far = AgentMemory(boot: 2, links: [link("10.9.0.1")])
      try await rig.session("rack2", credential: two, memory: far) { second in
        try await second.wait { seen, _ in !seen.messages.isEmpty }
        let before = try await rig.row(id)
        let error = await #expect(throws: RPCError.self) { _ = try await subnets.updateSubnet(name(["rack2"])) }
        #expect(
          error?.fieldProblems.map(\.fullSentence) == [
            "agents: rack2 cannot serve hall1, which rack1 serves now. "
              + "Name one that is online and has a link in 10.1.0.0/24, or turn DHCP off first."
          ])
        #expect(try await rig.row(id) == before)
        // Beside the owner anybody may be named, and without DHCP nobody is missed.
        _ = try await subnets.updateSubnet(name(["rack1", "rack2"]))
        #expect(await code { try await subnets.updateSubnet(name(["rack2"], dhcp: false)) } == .ok)
      }
    }
  }

  @Test func anAgentWithSubnetsIsRemovedByForceOnly() async throws {
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1", "rack2"])
    let memory = AgentMemory(links: [])
    try await rig.session("rack1", credential: one, memory: memory) { _ in
      try await rig.wait(for: id) { $0.progress.owner == "rack1" && $0.progress.applied == $0.progress.head }
    }
    #expect(await code { try await rig.agents.deleteAgent(.init(name: "rack1")) } == .failedPrecondition)
    try await rig.session("rack2", credential: two, memory: AgentMemory(boot: 2)) { _ in
      let moves = try await rig.agents.deleteAgent(.init(name: "rack1", force: true)).moves
      #expect(moves.map(\.to) == ["rack2"])
      try await rig.wait(for: id) { $0.progress.owner == "rack2" && $0.progress.applied == $0.progress.head }
    }
    #expect(await code { try await rig.agents.getAgent(.init(name: "rack1")) } == .notFound)
    let status = try await rig.session("rack1", credential: one, memory: memory) { try await $0.waitForEnd() }
    #expect(status.code == .unauthenticated)
  }

  @Test func agentsAreListedInPages() async throws {
    for index in 1...5 { _ = try await rig.agents.createAgent(.init(name: "rack\(index)")) }
    let first = try await rig.agents.listAgents(.init(pageSize: 2))
    #expect(first.agents.map(\.name) == ["rack1", "rack2"])
    let second = try await rig.agents.listAgents(.init(pageSize: 10, pageToken: first.nextPageToken))
    #expect(second.agents.map(\.name) == ["rack3", "rack4", "rack5"])
    #expect(second.nextPageToken.isEmpty)
    #expect(await code { try await rig.agents.listAgents(.init(pageToken: "nonsense")) } == .invalidArgument)
  }
}
