import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// What a subnet's next owner is told of the leases in it.
@Suite(.timeLimit(.minutes(2))) struct LeaseHandoverTests {
  let rig: RegionRig

  init() throws { rig = try RegionRig() }

  private func left(_ address: UInt32, seconds: Int64 = 3_600) -> MusterV1.LeaseLeft {
    let until = rig.time.now.advanced(bySeconds: seconds)
    return MusterV1.LeaseLeft(address: 0x0a01_0000 + address, mac: 0x5254_0000_0000 + UInt64(address), untilNs: until.nanoseconds)
  }

  private func isRevoked(_ probe: AgentProbe) async throws {
    try await probe.wait { seen, _ in seen.messages.contains { if case .revoke = $0 { true } else { false } } }
  }

  @Test func whatTheOldOwnerGaveIsToldTheNewOneBeforeItsRows() async throws {
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    try await rig.session("rack1", credential: one, memory: AgentMemory(), acknowledges: false) { first in
      try await first.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet("hall1", "10.1.0.0/16", agents: ["rack1", "rack2"])
      try await first.wait { seen, _ in seen.deltas == 1 }
      first.apply(id)
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      #expect(first.leases(of: id) == ([], true))
      try await rig.session("rack2", credential: two, memory: AgentMemory(boot: 2)) { second in
        try await second.wait { seen, _ in !seen.messages.isEmpty }
        _ = try await rig.agents.drainAgent(.init(name: "rack1"))
        try await isRevoked(first)
        // More than one message takes, and one that has ended by the region's clock: the agent says that it has not.
        first.send(.leaseSet(MusterV1.LeaseSet(dhcpId: id.number, epoch: 2, leases: (100..<10_100).map { left($0) })))
        first.send(.leaseSet(MusterV1.LeaseSet(dhcpId: id.number, epoch: 2, leases: (10_100..<20_100).map { left($0) })))
        first.send(
          .applied(
            MusterV1.Applied(
              dhcpId: id.number, epoch: 2, digest: .init(repeating: 0, count: 16),
              leasesLeft: [left(7), left(8, seconds: -1)], revoked: true)))
        try await rig.wait(for: id) { $0.progress.owner == "rack2" && $0.progress.applied == $0.progress.head }
        let told = second.leases(of: id)
        #expect(told.isComplete)
        #expect(told.addresses == ([7, 8] + Array(100..<20_100)).map { 0x0a01_0000 + UInt32($0) })
        let order = second.snapshot.messages.compactMap { message -> String? in
          switch message {
          case .assign(let assign): assign.leasesFollow ? "assign" : "assign alone"
          case .leaseSet: "leases"
          case .chunk: "chunk"
          case .commit: "commit"
          default: nil
          }
        }
        #expect(order.prefix(6) == ["assign", "leases", "leases", "leases", "chunk", "commit"])
      }
    }
    let moved = try await rig.events(.subnetAssigned).last?.message
    #expect(moved == "hall1 goes from rack1 to rack2 (epoch 2) with 20002 leases")
  }

  @Test func whoeverAppliedAtThisEpochIsToldNoLeases() async throws {
    let one = try await rig.enrol("rack1")
    let memory = AgentMemory()
    let id = try await rig.addSubnet("hall1", "10.1.0.0/16", agents: ["rack1"])
    try await rig.session("rack1", credential: one, memory: memory) { probe in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      #expect(probe.leases(of: id).isComplete)
    }
    try await rig.session("rack1", credential: one, memory: memory) { probe in
      try await probe.wait { seen, _ in seen.messages.contains { if case .assign = $0 { true } else { false } } }
      try await rig.addNode("n1", "52:54:00:00:00:01", "hall1")
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head && $0.progress.bindings == 1 }
      #expect(!probe.leases(of: id).isComplete)
      for case .assign(let assign) in probe.snapshot.messages { #expect(!assign.leasesFollow) }
    }
  }

  @Test func aDeadOwnersLeasesAreThoseTheRegionHasSeenAndTheRiskIsSaid() async throws {
    let one = try await rig.enrol("rack1")
    let two = try await rig.enrol("rack2")
    let id = try await rig.addSubnet("hall1", "10.1.0.0/16", agents: ["rack1"])
    try await rig.session("rack1", credential: one, memory: AgentMemory()) { first in
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      let seen = MusterV1.LeaseSeen(
        dhcpId: id.number, mac: left(7).mac, address: left(7).address, untilNs: left(7).untilNs)
      first.send(.observed(MusterV1.Observed(sequence: 1, leases: [seen])))
      try await first.wait { seen, _ in seen.messages.contains { if case .observedAck = $0 { true } else { false } } }
    }
    _ = try await rig.store.write { tx in
      guard var spec = try tx.subnet(named: "hall1")?.subnet.spec else { return }
      spec.agents = ["rack1", "rack2"]
      _ = try tx.replaceSubnet("hall1", with: spec, by: .local)
    }
    try await rig.session("rack2", credential: two, memory: AgentMemory(boot: 2)) { second in
      try await second.wait { seen, _ in !seen.messages.isEmpty }
      _ = try await rig.agents.deleteAgent(.init(name: "rack1", force: true))
      try await rig.wait(for: id) { $0.progress.owner == "rack2" && $0.progress.applied == $0.progress.head }
      #expect(second.leases(of: id) == ([0x0a01_0007], true))
    }
    let said = try await rig.events(.agentRemoved).last?.message ?? ""
    #expect(said.contains("an address it gave since then may be given twice"), "\(said)")
  }

  @Test func theLeasesOfARemovedSubnetReachTheOwnerOfTheNextOne() async throws {
    let one = try await rig.enrol("rack1")
    try await rig.session("rack1", credential: one, memory: AgentMemory(), acknowledges: false) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      let old = try await rig.addSubnet("hall1", "10.1.0.0/16", agents: ["rack1"])
      try await probe.wait { seen, _ in seen.deltas == 1 }
      probe.apply(old)
      try await rig.wait(for: old) { $0.progress.applied == $0.progress.head }
      _ = try await rig.store.write { try $0.removeSubnet("hall1").row }
      try await isRevoked(probe)
      probe.send(
        .applied(
          MusterV1.Applied(
            dhcpId: old.number, epoch: 1, digest: .init(repeating: 0, count: 16), leasesLeft: [left(7)], revoked: true)))
      // Refused while the agent has not said that it stopped.
      var new: DHCPSubnetID?
      while new == nil {
        do { new = try await rig.addSubnet("again", "10.1.0.0/24", agents: ["rack1"]) } catch is Refusal { await Task.yield() }
      }
      let id = try #require(new)
      try await probe.wait { seen, _ in seen.deltas == 2 }
      #expect(probe.leases(of: id) == ([0x0a01_0007], true))
    }
  }
}
