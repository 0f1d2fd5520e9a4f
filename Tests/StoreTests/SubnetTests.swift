import Provisioning
import Testing

@testable import Store

@Suite struct SubnetTests {
  @Test(arguments: Engine.allCases) func aSubnetReadsBackAsItWasWritten(engine: Engine) async throws {
    let store = try engine.open()
    let spec = SubnetSpec(
      name: "hall9", fabric: "lab", prefix: "192.168.0.0/24", vlan: 101, gateway: "192.168.0.1",
      pool: ["192.168.0.200-192.168.0.249", "192.168.0.100"], dnsServers: ["10.0.0.53"], domain: "dc1.example",
      ntpServers: ["10.0.0.1"], leaseSeconds: 7200, isDHCPOn: true, relays: ["192.168.0.2"], agents: ["rack1"])
    let unknown = await problems { try await store.write { try $0.createSubnet(spec, by: ops).row } }
    #expect(unknown.map(\.code) == [.agentUnknown])
    let written = try await store.write { tx in
      _ = try tx.createAgent("rack1", token: [1], tokenExpires: tx.now)
      return try tx.createSubnet(spec, by: ops).row
    }
    let read = try await store.row("hall9")
    #expect(read == written)
    #expect(read.subnet.spec == spec)
    #expect(read.progress.head == Generation(1))
    #expect(read.progress.digest == SubnetDigest(header: read.subnet.header, bindings: []))
  }

  @Test(arguments: Engine.allCases) func overlappingPrefixesOfAFabricAreRefused(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    for prefix in ["10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/22"] as [IPv4Prefix] {
      let found = await problems {
        try await store.write { try $0.createSubnet(SubnetSpec(name: "x", prefix: prefix), by: ops).row }
      }
      #expect(found.map(\.code) == [.prefixOverlap])
      if prefix == "10.1.2.0/24" {
        #expect(found[0].description.hasPrefix("prefix: 10.1.2.0/24 overlaps hall1 (10.1.0.0/22)."))
      }
    }
    try await store.write { tx in
      _ = try tx.createSubnet(SubnetSpec(name: "y", fabric: "lab", prefix: "10.1.0.0/22"), by: ops)
      _ = try tx.createSubnet(SubnetSpec(name: "z", prefix: "10.1.4.0/22"), by: ops)
    }
    await #expect(throws: Refusal.subnetExists("y")) {
      try await store.write { try $0.createSubnet(SubnetSpec(name: "y", prefix: "10.7.0.0/24"), by: ops).row }
    }
  }

  @Test(arguments: Engine.allCases) func newOptionsMustNotTakeANodesAddress(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.50")))
    var changed = hall1
    changed.gateway = "10.1.0.50"
    changed.pool = ["10.1.0.40-10.1.0.60"]
    changed.prefix = "10.1.0.0/23"
    let immutable = await problems { [changed] in
      try await store.write { try $0.replaceSubnet("hall1", with: changed, by: ops).row }
    }
    #expect(immutable.map(\.code) == [.immutable])
    changed.prefix = hall1.prefix
    changed.gateway = hall1.gateway
    let pool = await problems { [changed] in
      try await store.write { try $0.replaceSubnet("hall1", with: changed, by: ops).row }
    }
    #expect(pool.map(\.code) == [.poolReserved])
    changed.pool = hall1.pool
    changed.gateway = "10.1.0.50"
    let gateway = await problems { [changed] in
      try await store.write { try $0.replaceSubnet("hall1", with: changed, by: ops).row }
    }
    #expect(gateway.map(\.code) == [.addressTaken])
  }

  @Test(arguments: Engine.allCases) func onlyAChangedHeaderTakesAGeneration(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let same = try await store.write { try $0.replaceSubnet("hall1", with: hall1, by: ops) }
    #expect(same.outcome == .unchanged)
    var agents = hall1
    agents.agents = ["rack1"]
    let unknown = await problems { [agents] in try await store.write { try $0.replaceSubnet("hall1", with: agents, by: ops).row } }
    #expect(unknown.map(\.description) == ["agents: rack1 is not an agent. Add it first: 'muster agent add rack1'."])
    _ = try await store.write { try $0.createAgent("rack1", token: [1], tokenExpires: $0.now) }
    let quiet = try await store.write { [agents] in try $0.replaceSubnet("hall1", with: agents, by: ops) }
    #expect(quiet.outcome == .updated)
    #expect(quiet.generations.isEmpty)
    agents.isDHCPOn = true
    let loud = try await store.write { [agents] in try $0.replaceSubnet("hall1", with: agents, by: ops) }
    #expect(loud.generations.map(\.generation) == [Generation(2)])
    let row = try await store.row("hall1")
    #expect(row.progress.digest == SubnetDigest(header: row.subnet.header, bindings: []))
    #expect(row.subnet.revision == Revision(3))
    // One that was removed since stays named, and is in nobody's way.
    _ = try await store.write { try $0.removeAgent("rack1", force: true) }
    agents.domain = "dc1.example"
    let later = try await store.write { [agents] in try $0.replaceSubnet("hall1", with: agents, by: ops) }
    #expect(later.outcome == .updated)
  }

  @Test(arguments: Engine.allCases) func aSubnetWithNodesIsNotRemovedAndItsNumberNeverReturns(engine: Engine)
    async throws
  {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("a", mac(1)))
    await #expect(throws: Refusal.subnetHasNodes("hall1", count: 1)) {
      try await store.write { try $0.removeSubnet("hall1").row }
    }
    let old = try await store.row("hall1").subnet.dhcpID
    try await store.remove("a")
    _ = try await store.write { try $0.removeSubnet("hall1").row }
    try await store.write { _ = try $0.createSubnet(hall1, by: ops) }
    let row = try await store.row("hall1")
    #expect(row.subnet.dhcpID > old)
    #expect(row.progress.head == Generation(1))
    let page = try await store.read { try $0.feed(old, from: .snapshot, limit: 10) }
    #expect(page == nil)
  }

  @Test(arguments: Engine.allCases) func theOldAgentMustLetGoBeforeAPrefixIsUsedAgain(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    let old = try await store.row("hall1").subnet.dhcpID
    _ = try await store.write { try $0.removeSubnet("hall1").row }
    func create() async throws {
      try await store.write { _ = try $0.createSubnet(SubnetSpec(name: "new", prefix: "10.1.2.0/24"), by: ops) }
    }
    let early = await problems { try await create() }
    #expect(early.map(\.code) == [.prefixInUse])
    #expect(early[0].message == "overlaps hall1 (10.1.0.0/22), which was removed and which rack1 may still serve")
    try await store.write { tx in
      try tx.confirmRelease(of: old, by: "rack2")
      try tx.confirmReleases(by: "rack1", except: [old])
    }
    #expect(await problems { try await create() }.count == 1)
    #expect(try await store.read { try $0.retiredSubnets(ownedBy: "rack1").map(\.dhcpID) } == [old])
    try await store.write { try $0.confirmRelease(of: old, by: "rack1") }
    try await create()
    // An agent that is removed by force serves nothing: its operator says so.
    _ = try await store.serve("new", by: "rack1")
    _ = try await store.write { try $0.removeSubnet("new").row }
    _ = try await store.write { try $0.removeAgent("rack1", force: true) }
    try await create()
  }

  @Test(arguments: Engine.allCases) func subnetsAreListedByPrefix(engine: Engine) async throws {
    let store = try engine.open()
    try await store.write { tx in
      for number in (0..<20).shuffled() {
        _ = try tx.createSubnet(
          SubnetSpec(
            name: try SubnetName("s\(number)"), fabric: number % 2 == 0 ? "a" : "b",
            prefix: IPv4Prefix(masking: IPv4Address(bits: 0x0a00_0000 + UInt32(number) * 256), length: 24)), by: ops)
      }
    }
    func all(_ filter: SubnetFilter) async throws -> [String] {
      var key: [UInt8]? = []
      var found: [String] = []
      while let after = key {
        let page = try await store.read { try $0.subnets(filter, after: after, limit: 3) }
        found += page.items.map(\.subnet.name.text)
        key = page.next
      }
      return found
    }
    #expect(try await all(SubnetFilter()) == (0..<20).map { "s\($0)" })
    #expect(try await all(SubnetFilter(fabric: "b")) == stride(from: 1, to: 20, by: 2).map { "s\($0)" })
    _ = try await store.serve("s4", by: "rack1")
    _ = try await store.serve("s2", by: "rack1")
    #expect(try await all(SubnetFilter(owner: "rack1")) == ["s2", "s4"])
    #expect(try await store.read { try $0.subnetsWithoutOwner().count } == 18)
  }
}
