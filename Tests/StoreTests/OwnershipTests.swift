import Provisioning
import Testing

@testable import Store

@Suite struct OwnershipTests {
  @Test(arguments: Engine.allCases) func onlyTheNewestSessionAndEpochAreRecorded(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    #expect(try await store.acknowledge("hall1", by: "rack1", session, epoch) == .recorded)
    #expect(try await store.row("hall1").progress.isAnswered)
    let (newer, _) = try await store.serve("hall1", by: "rack1")
    #expect(try await store.acknowledge("hall1", by: "rack1", session, epoch) == .superseded)
    #expect(try await store.acknowledge("hall1", by: "rack1", newer, epoch) == .recorded)
    let (other, next) = try await store.serve("hall1", by: "rack2")
    #expect(next == epoch.next)
    #expect(try await store.acknowledge("hall1", by: "rack1", newer, epoch) == .superseded)
    #expect(try await store.row("hall1").progress.applied == .zero)
    #expect(try await store.acknowledge("hall1", by: "rack2", other, next) == .recorded)
  }

  @Test(arguments: Engine.allCases) func anAppliedGenerationOnlyGrows(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    let old = try await store.row("hall1").progress
    try await store.add(spec("a", mac(1)))
    #expect(try await store.acknowledge("hall1", by: "rack1", session, epoch) == .recorded)
    func report(_ generation: Generation, _ digest: SubnetDigest) async throws -> AppliedOutcome {
      let dhcpID = try await store.row("hall1").subnet.dhcpID
      return try await store.write { tx in
        try tx.recordApplied(
          AppliedReport(
            agent: "rack1", session: session, subnet: dhcpID, epoch: epoch, generation: generation, digest: digest))
      }
    }
    #expect(try await report(old.head, old.digest) == .older)
    #expect(try await report(Generation(99), old.digest) == .ahead)
    #expect(try await report(Generation(2), old.digest) == .digestMismatch)
    #expect(try await store.row("hall1").progress.applied == Generation(2))
  }

  @Test(arguments: Engine.allCases) func aHeldAddressGoesOnlyToItsMachineUntilItIsReleased(engine: Engine) async throws
  {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.42")))
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    try await store.change("a") { $0.interfaces[0].address = .fixed("10.1.0.43") }
    let want = spec("b", mac(2), "hall1", .fixed("10.1.0.42"))
    let held = await problems { try await store.add(want) }
    #expect(held.map(\.code) == [.addressHeld])
    #expect(held[0].message == "is held for 52:54:00:00:00:01: its agent has not confirmed the removal")
    // The agent confirms. The machine's lease lasts another minute by the agent's clock, which may be wrong; it is not
    // renewed any more, so it has ended when one in full would have.
    let until = world.now.advanced(bySeconds: 60)
    let left = LeaseLeft(address: "10.1.0.42", mac: mac(1), until: until)
    try await store.acknowledge("hall1", by: "rack1", session, epoch, left: [left])
    #expect(await problems { try await store.add(want) }.map(\.code) == [.addressHeld])
    // `auto` does not touch it either.
    let auto = try await store.add(spec("c", mac(3)))
    #expect(auto.interfaces[0].address == .fixed("10.1.0.2"))
    world.advance(seconds: 3_599)
    #expect(await problems { try await store.add(want) }.map(\.code) == [.addressHeld])
    world.advance(seconds: 2)
    #expect(try await store.add(want).interfaces[0].address == .fixed("10.1.0.42"))
  }

  @Test(arguments: Engine.allCases) func aMachineTakesItsHeldAddressBack(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.42")))
    try await store.remove("a")
    try await store.add(spec("again", mac(1), "hall1", .fixed("10.1.0.42")))
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    #expect(try await store.read { try $0.holds(dhcpID, from: "0.0.0.0", limit: 10) }.isEmpty)
    try await store.remove("again")
    try await store.add(spec("thief", mac(2), "hall1", .fixed("10.1.0.42")), force: true)
    #expect(try await store.node("thief") != nil)
  }

  @Test(arguments: Engine.allCases) func anAcknowledgementWithoutWordOfLeasesWaitsForTheLongestLease(engine: Engine)
    async throws
  {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.42")))
    try await store.remove("a")
    try await store.acknowledge("hall1", by: "rack1", session, epoch, left: nil)
    let want = spec("b", mac(2), "hall1", .fixed("10.1.0.42"))
    world.advance(seconds: 3599)
    #expect(await problems { try await store.add(want) }.map(\.code) == [.addressHeld])
    world.advance(seconds: 2)
    try await store.add(want)
  }

  @Test(arguments: Engine.allCases) func whatLeavesThePoolIsReservedForNobodyUntilTheAgentKnows(engine: Engine)
    async throws
  {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    let until = world.now.advanced(bySeconds: 600)
    try await store.write { tx in
      try tx.observe(ObservedLease(subnet: dhcpID, mac: mac(77), address: "10.1.3.60", until: until))
      var small = hall1
      small.pool = ["10.1.3.0-10.1.3.49"]
      _ = try tx.replaceSubnet("hall1", with: small, by: ops)
    }
    let early = await problems { try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.3.70"))) }
    #expect(early.map(\.code) == [.addressHeld])
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.3.70")))
    let leased = await problems { try await store.add(spec("b", mac(2), "hall1", .fixed("10.1.3.60"))) }
    #expect(leased.map(\.code) == [.addressHeld])
    try await store.add(spec("c", mac(77), "hall1", .fixed("10.1.3.60")))
  }

  @Test(arguments: Engine.allCases) func whatCameBackIntoThePoolIsNotHeld(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    let lease = LeaseLeft(address: "10.1.3.60", mac: mac(77), until: world.now.advanced(bySeconds: 600))
    var small = hall1
    small.pool = ["10.1.3.0-10.1.3.49"]
    try await store.write { [small] tx in
      try tx.observe(ObservedLease(subnet: dhcpID, mac: lease.mac, address: lease.address, until: lease.until))
      _ = try tx.replaceSubnet("hall1", with: small, by: ops)
      _ = try tx.replaceSubnet("hall1", with: hall1, by: ops)
    }
    // The agent had applied the small pool in between, and says so of the lease.
    try await store.acknowledge("hall1", by: "rack1", session, epoch, left: [lease])
    #expect(try await store.read { try $0.holds(dhcpID, from: "0.0.0.0", limit: 10) }.isEmpty)
  }

  @Test(arguments: Engine.allCases) func aPoolThatStaysIsNotJudgedAnew(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.2.42")))
    try await store.remove("a")
    var wide = hall1
    wide.pool = ["10.1.2.0-10.1.3.99"]
    try await store.write { [wide] tx in _ = try tx.replaceSubnet("hall1", with: wide, force: true, by: ops) }
    wide.isDHCPOn.toggle()
    try await store.write { [wide] tx in _ = try tx.replaceSubnet("hall1", with: wide, by: ops) }
    #expect(try await store.row("hall1").subnet.spec == wide)
  }

  @Test(arguments: Engine.allCases) func aPoolDoesNotGrowOverHeldAddresses(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.2.42")))
    try await store.remove("a")
    var wide = hall1
    wide.pool = ["10.1.2.0-10.1.3.99"]
    let held = await problems { [wide] in
      try await store.write { try $0.replaceSubnet("hall1", with: wide, by: ops).row }
    }
    #expect(held.map(\.code) == [.addressHeld])
    _ = try await store.write { [wide] in try $0.replaceSubnet("hall1", with: wide, force: true, by: ops).row }
  }

  @Test(arguments: Engine.allCases) func tombstonesAreCollectedBelowWhatIsAcknowledged(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1)))
    try await store.add(spec("b", mac(2)))
    try await store.remove("a")
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    let before = try await store.read { try $0.feed(dhcpID, from: .delta(after: Generation(2)), limit: 10) }
    #expect(before?.rows.filter { $0.binding == nil }.map(\.mac) == [mac(1)])
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    #expect(try await store.row("hall1").progress.collected == Generation(4))
    // Who is older than the collected tombstone needs a snapshot.
    #expect(try await store.read { try $0.feed(dhcpID, from: .delta(after: Generation(2)), limit: 10) } == nil)
    let page = try await store.read { try $0.feed(dhcpID, from: .delta(after: Generation(4)), limit: 10) }
    #expect(page?.rows.isEmpty == true)
    #expect(page?.header == nil)
    let snapshot = try await store.read { try $0.feed(dhcpID, from: .snapshot, limit: 10) }
    #expect(snapshot?.rows.map(\.mac) == [mac(2)])
    #expect(snapshot?.header?.name == "hall1")
  }

  @Test(arguments: Engine.allCases) func anAgentInTheSubnetIsACandidateAndItsAddressNobodys(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    #expect(try await store.read { try $0.candidates(for: hall1).map(\.name) } == [])
    try await store.write { tx in
      for name in ["rack1", "rack2"] as [AgentName] {
        _ = try tx.createAgent(name, token: [1], tokenExpires: tx.now.advanced(bySeconds: 60))
        _ = try tx.enroll(name, token: [1], attempt: [2], credential: Array(name.text.utf8))
      }
      _ = try tx.claimSession(
        of: "rack2", boot: BootID(bits: 1),
        links: [AgentLink(interface: "eth0", fabric: "default", addresses: ["10.1.0.5"])], version: "0.1.0",
        protocolVersion: 1)
    }
    #expect(try await store.read { try $0.candidates(for: hall1).map(\.name) } == ["rack2"])
    // The agent's own address is nobody's.
    let own = await problems { try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.5"))) }
    #expect(own.map(\.code) == [.addressReserved])
  }

  @Test(arguments: Engine.allCases) func rejectionsAndTroublesAreTheOwnersWord(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    let row = try await store.row("hall1")
    let rejection = Rejection(mac: mac(1), code: "KEA_REFUSED", message: "no \"thanks\"")
    let outcome = try await store.write { tx in
      try tx.recordApplied(
        AppliedReport(
          agent: "rack1", session: session, subnet: row.subnet.dhcpID, epoch: epoch, generation: row.progress.head,
          digest: row.progress.digest, rejected: [rejection]))
    }
    #expect(outcome == .recorded)
    let key = BindingKey(subnet: row.subnet.dhcpID, mac: mac(1))
    #expect(try await store.read { try $0.rejection(key) } == rejection)
    #expect(try await store.row("hall1").progress.rejected == 1)
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    #expect(try await store.read { try $0.rejections(row.subnet.dhcpID) }.isEmpty)
    let trouble = SubnetTrouble(code: "FOREIGN_DHCP_SERVER", message: "10.1.0.254 answers on eno2")
    let isNoted = try await store.write { tx in
      try tx.recordTrouble(trouble, of: row.subnet.dhcpID, agent: "rack1", session: session, epoch: epoch)
    }
    #expect(isNoted)
    #expect(try await store.row("hall1").progress.trouble == trouble)
    #expect(try await store.row("hall1").progress.isAnswered == false)
  }
}
