import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// Sessions through the whole stack: authentication, streams, the store.
@Suite(.timeLimit(.minutes(2))) struct AgentSessionTests {
  let rig: RegionRig

  init() throws { rig = try RegionRig() }

  private func link(_ address: IPv4Address, _ length: UInt32 = 24) -> MusterV1.Link {
    MusterV1.Link(
      interface: "eno1", fabric: "default",
      addresses: [MusterV1.LinkAddress(address: address.bits, prefixLength: length)], up: true)
  }

  @Test func anAgentIsGivenItsSubnetAndItsRows() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24")
    try await rig.addNode("n1", "52:54:00:00:00:01", "hall1")
    let credential = try await rig.enrol("rack1")
    let memory = AgentMemory(links: [link("10.1.0.1")])
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head && $0.progress.head > .zero }
      try await rig.addNode("n2", "52:54:00:00:00:02", "hall1")
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head && $0.progress.bindings == 2 }
    }
    let row = try await rig.row(id)
    #expect(row.progress.owner == "rack1")
    #expect(row.progress.epoch == Epoch(1))
    #expect(memory[id]?.rows.count == 2)
    #expect(memory[id]?.digest == row.progress.digest)
    #expect(try await rig.events(.agentOnline).count == 1)
    #expect(try await rig.events(.subnetApplied).isEmpty == false)
  }

  @Test func manyRowsComeInChunksThatFitAMessage() async throws {
    let id = try await rig.addSubnet("hall1", "10.0.0.0/16", agents: ["rack1"])
    let writes = (0..<3_000).map { index in
      NodeWrite.create(
        NodeSpec(
          name: try! NodeName(String(repeating: "n", count: 50) + "\(index)"),
          interfaces: [
            NetworkInterface(
              name: "eth0", mac: try! MACAddress(bits: 0x5254_0000_0000 + UInt64(index)), subnet: "hall1", address: .auto,
              boot: true)
          ]))
    }
    _ = try await rig.store.write { try $0.write(writes, by: .local) }
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    let memory = AgentMemory()
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let chunks = probe.snapshot.messages.compactMap { if case .chunk(let chunk) = $0 { chunk } else { nil } }
      #expect(chunks.count == 4 || chunks.count == 3)
      for chunk in chunks { #expect(chunk.serializedBytes().count <= 256 << 10) }
    }
    #expect(memory[id]?.rows.count == 3_000)
  }

  @Test func aThousandEditsWhileTheAgentAppliesAreFewDeltas() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/16", agents: ["rack1"])
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    let memory = AgentMemory()
    try await rig.session("rack1", credential: credential, memory: memory, acknowledges: false) { probe in
      try await probe.wait { seen, _ in seen.deltas == 1 }
      probe.apply(id)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<1_000 {
          group.addTask { [rig] in
            let mac = try MACAddress(bits: 0x5254_0000_0000 + UInt64(index))
            try await rig.addNode(try NodeName("n\(index)"), mac, "hall1")
          }
        }
        try await group.waitForAll()
      }
      // The agent is still applying: what is under way is bounded, the rest gathers.
      #expect(probe.snapshot.deltas <= 1 + FeedCursor.unappliedMax)
      let head = try await rig.row(id).progress.head
      try await probe.wait { seen, _ in seen.deltas > 1 }
      probe.apply(id)
      try await probe.wait { _, memory in memory[id]?.rows.count ?? 0 > 0 }
      while memory[id]?.generation != head {
        let count = probe.snapshot.deltas
        probe.apply(id)
        try await probe.wait { seen, memory in seen.deltas > count || memory[id]?.generation == head }
      }
      #expect(probe.snapshot.deltas <= 6)
    }
    #expect(memory[id]?.rows.count == 1_000)
  }

  @Test func anAgentThatWasAwayGetsOnlyTheDifference() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
    let node = try await rig.addNode("n1", "52:54:00:00:00:01", "hall1")
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    let memory = AgentMemory()
    try await rig.session("rack1", credential: credential, memory: memory) { _ in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
    }
    for index in 2..<10 {
      try await rig.addNode(try NodeName("n\(index)"), try MACAddress(bits: 0x5254_0000_0000 + UInt64(index)), "hall1")
    }
    _ = try await rig.store.write { try $0.write(.remove(node.id), by: .local) }
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      #expect(probe.snapshot.snapshots == 0)
      #expect(probe.snapshot.deltas == 1)
    }
    #expect(memory[id]?.rows.count == 8)
    // And a third time there is nothing to say.
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await probe.wait { seen, _ in seen.messages.contains { if case .assign = $0 { true } else { false } } }
      try await rig.addNode("late", "52:54:00:00:01:00", "hall1")
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      #expect(probe.snapshot.deltas == 1)
    }
  }

  @Test func aDatabaseOlderThanTheAgentIsNoticedAndHealed() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    let memory = AgentMemory()
    try await rig.session("rack1", credential: credential, memory: memory) { _ in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
    }
    // As if the region had been restored from before: generations and epochs that it never made.
    memory[id]?.generation = Generation(900)
    memory[id]?.epoch = Epoch(40)
    try await rig.session("rack1", credential: credential, memory: memory) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head && $0.progress.epoch > Epoch(40) }
      #expect(probe.snapshot.snapshots == 1)
    }
    #expect(memory[id]?.epoch ?? .zero > Epoch(40))
    #expect(try await rig.events(.storeRestored).count == 1)
  }

  @Test func anotherBootDisplacesTheFirstForGood() async throws {
    let credential = try await rig.enrol("rack1")
    let first = try await rig.session("rack1", credential: credential, memory: AgentMemory(boot: 1)) { older in
      try await older.wait { seen, _ in !seen.messages.isEmpty }
      try await rig.session("rack1", credential: credential, memory: AgentMemory(boot: 2)) { newer in
        try await newer.wait { seen, _ in !seen.messages.isEmpty }
        try await older.waitForEnd()
      }
    }
    #expect(first.code == .failedPrecondition)
    #expect(first.message.contains("AGENT_DISPLACED"))
    #expect(try await rig.events(.twoAgentsOneIdentity).count == 1)
    let again = try await rig.session("rack1", credential: credential, memory: AgentMemory(boot: 1)) { probe in
      try await probe.waitForEnd()
    }
    #expect(again.code == .failedPrecondition)
  }

  @Test func theSameBootReconnectsSilently() async throws {
    let credential = try await rig.enrol("rack1")
    let memory = AgentMemory(boot: 1)
    let first = try await rig.session("rack1", credential: credential, memory: memory) { older in
      try await older.wait { seen, _ in !seen.messages.isEmpty }
      try await rig.session("rack1", credential: credential, memory: memory) { newer in
        try await newer.wait { seen, _ in !seen.messages.isEmpty }
        try await older.waitForEnd()
      }
    }
    #expect(first.code == .aborted)
    #expect(try await rig.events(.twoAgentsOneIdentity).isEmpty)
    #expect(try await rig.events(.agentOnline).count == 1)
  }

  @Test func anAcknowledgementOfADisplacedSessionCountsForNothing() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    let memory = AgentMemory()
    try await rig.session("rack1", credential: credential, memory: memory, acknowledges: false) { probe in
      try await probe.wait { seen, _ in seen.deltas == 1 }
      // A newer session was claimed elsewhere, for example through another region process.
      _ = try await rig.store.write {
        try $0.claimSession(of: "rack1", boot: BootID(bits: 7), links: [], version: .empty, protocolVersion: 1)
      }
      probe.apply(id)
      probe.send(.renew(MusterV1.Renew(sessionEpoch: 1)))
      try await probe.wait { seen, _ in seen.messages.contains { if case .renewAck = $0 { true } else { false } } }
    }
    #expect(try await rig.row(id).progress.applied == .zero)
  }

  @Test func quarantineIsRecordedInFull() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
    try await rig.addNode("n1", "52:54:00:00:00:01", "hall1")
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    try await rig.session("rack1", credential: credential, memory: AgentMemory(), acknowledges: false) { probe in
      try await probe.wait { seen, _ in seen.deltas == 1 }
      let mac: MACAddress = "52:54:00:00:00:01"
      probe.apply(id, rejected: [MusterV1.Rejection(mac: mac.bits, code: "KEA_REFUSED", message: "bad host")])
      try await rig.wait(for: id) { $0.progress.rejected == 1 }
      #expect(try await rig.store.read { try $0.rejections(id) }.map(\.message) == ["bad host"])
      #expect(try await rig.events(.bindingRejected).map(\.node) == ["n1"])
      probe.apply(id)
      try await rig.wait(for: id) { $0.progress.rejected == 0 }
    }
  }

  @Test func whatAMessageCouldNotNameIsCountedAndItsLeasesAreUnknown() throws {
    var applied = MusterV1.Applied(dhcpId: 1, epoch: 1, generation: 1, digest: .init(repeating: 0, count: 16))
    applied.leasesLeft = [MusterV1.LeaseLeft(address: 1, mac: 2, untilNs: 3)]
    applied.rejected = [MusterV1.Rejection(mac: 1, code: "KEA_REFUSED", message: "bad host")]
    var report = try AppliedReport(applied, agent: "rack1", session: SessionEpoch(1), epoch: Epoch(1))
    #expect(report.leasesLeft?.count == 1)
    #expect(report.rejectedMore == 0)
    applied.leasesMoreUntilNs = 4
    applied.rejectedMore = 7
    report = try AppliedReport(applied, agent: "rack1", session: SessionEpoch(1), epoch: Epoch(1))
    #expect(report.leasesLeft == nil)
    #expect(report.rejectedMore == 7)
  }

  @Test func troubleIsRecordedAndCleared() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24", agents: ["rack1"])
    let credential = try await rig.enrol("rack1")
    _ = try await rig.store.write { [rig] in try rig.context.placement.place(id, in: &$0) }
    try await rig.session("rack1", credential: credential, memory: AgentMemory()) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let trouble = MusterV1.SubnetTrouble(
        dhcpId: id.number, epoch: 1, code: "FOREIGN_DHCP_SERVER", message: "DHCP server 10.1.0.254 answers")
      probe.send(.subnetTrouble(trouble))
      probe.send(.subnetTrouble(trouble))
      try await rig.wait(for: id) { $0.progress.trouble?.code == "FOREIGN_DHCP_SERVER" }
      probe.send(.subnetTrouble(MusterV1.SubnetTrouble(dhcpId: id.number, epoch: 1)))
      try await rig.wait(for: id) { $0.progress.trouble == nil }
    }
    #expect(try await rig.events(.foreignServer).count == 1)
    #expect(try await rig.events(.subnetTroubleEnded).count == 1)
  }

  @Test func silenceMakesAnAgentOfflineAndMovesNothing() async throws {
    let id = try await rig.addSubnet("hall1", "10.1.0.0/24")
    let credential = try await rig.enrol("rack1")
    let other = try await rig.enrol("rack2")
    try await rig.session("rack1", credential: credential, memory: AgentMemory(links: [link("10.1.0.1")])) { _ in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
    }
    rig.advance(seconds: 3_600)
    try await rig.session("rack2", credential: other, memory: AgentMemory(links: [link("10.1.0.2")])) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      try await Housekeeping(context: rig.context, eventsKeep: Housekeeping.eventsKeepMax).expireAgents()
    }
    #expect(try await rig.events(.agentOffline).map(\.agent) == ["rack1"])
    #expect(try await rig.row(id).progress.owner == "rack1")
    #expect(try await rig.agents.getAgent(.init(name: "rack1")).state == .offline)
  }

  @Test func aHelloOfAnotherNameOrVersionIsRefused() async throws {
    let credential = try await rig.enrol("rack1")
    let status = try await rig.session("rack9", credential: credential, memory: AgentMemory()) { try await $0.waitForEnd() }
    #expect(status.code == .permissionDenied)
  }
}
