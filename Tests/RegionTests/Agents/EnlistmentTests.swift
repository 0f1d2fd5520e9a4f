import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// What machines are seen doing, and unknown ones that say who they are.
@Suite(.timeLimit(.minutes(2))) struct EnlistmentTests {
  let rig: RegionRig

  init() throws { rig = try RegionRig() }

  /// Runs `body` with the session of rack1, which owns hall1.
  private func withRack(_ body: @Sendable (AgentProbe, DHCPSubnetID) async throws -> Void) async throws {
    let credential = try await rig.enrol("rack1")
    try await rig.session("rack1", credential: credential, memory: AgentMemory()) { probe in
      try await probe.wait { seen, _ in !seen.messages.isEmpty }
      let id = try await rig.addSubnet(
        "hall1", "10.1.0.0/24", agents: ["rack1"], pool: ["10.1.0.100-10.1.0.199"])
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head }
      try await body(probe, id)
    }
  }

  private func observe(_ probe: AgentProbe, _ observed: MusterV1.Observed) async throws {
    probe.send(.observed(observed))
    try await probe.wait { seen, _ in
      seen.messages.contains { if case .observedAck(let ack) = $0 { ack.sequence == observed.sequence } else { false } }
    }
  }

  private func enlistment(
    _ id: DHCPSubnetID, _ key: UInt8, macs: [MACAddress], serial: String = "", uuid: String = ""
  ) -> MusterV1.Enlistment {
    MusterV1.Enlistment(
      id: [key], dhcpId: id.number, macs: macs.map(\.bits), serial: serial, uuid: uuid, firmware: "uefi",
      memoryMib: 2_048, cpuCount: 4)
  }

  @Test func anUnknownMachineEnlistsOnceHoweverOftenItSaysSo() async throws {
    try await withRack { probe, id in
      let macs: [MACAddress] = ["52:54:00:aa:bb:01", "52:54:00:aa:bb:02"]
      for sequence in 1...3 {
        let message = MusterV1.Observed(
          sequence: UInt64(sequence), enlistments: [enlistment(id, UInt8(sequence), macs: macs, serial: "7XK2")])
        try await observe(probe, message)
        // The same message again, as after a lost answer.
        if sequence == 1 { try await observe(probe, message) }
      }
      let node = try await rig.store.read { try $0.node(named: "new-525400aabb01") }
      #expect(node?.state == .new)
      #expect(node?.spec.bootProfile == .local)
      #expect(node?.spec.serial == "7XK2")
      #expect(node?.interfaces.map(\.mac) == macs)
      #expect(node?.hardware.cpuCount == 4)
      #expect(try await rig.store.read { try $0.nodeCounts()[.new] } == 1)
      #expect(try await rig.events(.nodeEnlisted).count == 1)
      // It gets its row like any other node.
      try await rig.wait(for: id) { $0.progress.applied == $0.progress.head && $0.progress.bindings == 1 }
    }
  }

  @Test func aMachineThatCouldBeTwoBecomesAConflictAndNoNode() async throws {
    try await withRack { probe, id in
      try await rig.addNode("known", "52:54:00:00:00:01", "hall1", serial: "REAL1")
      try await observe(
        probe,
        MusterV1.Observed(
          sequence: 1, enlistments: [enlistment(id, 1, macs: ["52:54:00:00:00:01"], serial: "OTHER2")]))
      try await observe(
        probe,
        MusterV1.Observed(
          sequence: 2, enlistments: [enlistment(id, 2, macs: ["52:54:00:00:00:99"], serial: "REAL1")]))
      #expect(try await rig.events(.enlistmentConflict).count == 2)
      #expect(try await rig.store.read { try $0.nodeCounts()[.new, default: 0] } == 0)
    }
  }

  @Test func aPlaceholderSerialIdentifiesNobody() async throws {
    try await withRack { probe, id in
      let both = (1...2).map {
        enlistment(id, UInt8($0), macs: [try! MACAddress(bits: 0x5254_0000_00a0 + UInt64($0))], serial: "To be filled by O.E.M.")
      }
      try await observe(probe, MusterV1.Observed(sequence: 1, enlistments: both))
      #expect(try await rig.store.read { try $0.nodeCounts()[.new] } == 2)
      #expect(try await rig.events(.enlistmentConflict).isEmpty)
    }
  }

  @Test func nonsenseIsAcknowledgedAndStandsInNobodysWay() async throws {
    try await withRack { probe, id in
      var broken = enlistment(id, 1, macs: [])
      broken.macs = [0]
      let good = enlistment(id, 2, macs: ["52:54:00:aa:bb:01"])
      probe.send(
        .observed(
          MusterV1.Observed(
            sequence: 1, leases: [MusterV1.LeaseSeen(dhcpId: id.number, mac: .max)],
            boots: [MusterV1.BootSeen(dhcpId: id.number, mac: 1, stage: 99)], enlistments: [broken, good])))
      try await probe.wait { seen, _ in
        seen.messages.contains {
          if case .observedAck(let ack) = $0 { ack.enlistmentIds == [[1], [2]] } else { false }
        }
      }
      #expect(try await rig.store.read { try $0.nodeCounts()[.new] } == 1)
    }
  }

  @Test func moreThanABurstOfUnknownMachinesWaits() {
    let gate = AgentCaps().enlistments
    let id = DHCPSubnetID(number: 1)
    #expect(gate.budget(for: [id], uptime: 0)[id] == AgentCaps.enlistmentsBurstMax)
    gate.take([id: AgentCaps.enlistmentsBurstMax])
    #expect(gate.budget(for: [id], uptime: 0)[id] == 0)
    #expect(gate.budget(for: [id], uptime: 1_000_000_000)[id] == 10)
    #expect(gate.budget(for: [id], uptime: 3_600_000_000_000)[id] == AgentCaps.enlistmentsBurstMax)
  }

  @Test func bootOnceFallsBackOnceForEachOrder() async throws {
    try await withRack { probe, id in
      let added = try await rig.addNode("n1", "52:54:00:00:00:01", "hall1")
      var spec = added.spec
      spec.bootOnce = .enlist
      let order = spec
      let node = try await rig.store.write {
        try $0.write(.replace(added.id, with: order), by: .local).results[0].node ?? added
      }
      let token = node.bootOnceToken
      let report = MusterV1.BootSeen(
        dhcpId: id.number, mac: node.interfaces[0].mac.bits, stage: 6, timeNs: 1, bootOnceSerial: token)
      try await observe(probe, MusterV1.Observed(sequence: 1, boots: [report]))
      #expect(try await rig.store.read { try $0.node(named: "n1") }?.spec.bootOnce == nil)
      // A new order is not used up by the old report.
      _ = try await rig.store.write { try $0.write(.replace(node.id, with: order), by: .local) }
      try await observe(probe, MusterV1.Observed(sequence: 2, boots: [report]))
      #expect(try await rig.store.read { try $0.node(named: "n1") }?.spec.bootOnce == .enlist)
      let stages = try await rig.store.read { try $0.bootReports(of: node.id) }.map(\.stage)
      #expect(stages == [.phoneHome])
      #expect(try await rig.events(.boot(.phoneHome)).map(\.node) == ["n1", "n1"])
    }
  }

  @Test func leasesAreRememberedAndRenewalsAreNoNews() async throws {
    try await withRack { probe, id in
      let mac: MACAddress = "52:54:00:00:00:77"
      let until = rig.context.clocks.now().advanced(bySeconds: 3_600)
      let address: IPv4Address = "10.1.0.100"
      var lease = MusterV1.LeaseSeen(
        dhcpId: id.number, mac: mac.bits, address: address.bits, untilNs: until.nanoseconds)
      try await observe(probe, MusterV1.Observed(sequence: 1, leases: [lease]))
      lease.untilNs += 1_000_000_000
      try await observe(probe, MusterV1.Observed(sequence: 2, leases: [lease]))
      #expect(try await rig.events(.leaseGiven).count == 1)
      let subnet = try await rig.row(id).subnet
      #expect(try await rig.store.read { try $0.poolUse(of: subnet) } == 1)
      lease.untilNs = 0
      try await observe(probe, MusterV1.Observed(sequence: 3, leases: [lease]))
      #expect(try await rig.store.read { try $0.poolUse(of: subnet) } == 0)
    }
  }
}
