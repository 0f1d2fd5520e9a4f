import Provisioning
import Testing

@testable import Store

/// A subnet that is removed and made again begins with the leases that machines still have.
@Suite struct FormerLeaseTests {
  private func lease(_ number: UInt64, _ address: IPv4Address, _ subnet: DHCPSubnetID, _ until: Timestamp) -> ObservedLease {
    ObservedLease(subnet: subnet, mac: mac(number), address: address, until: until)
  }

  @Test(arguments: Engine.allCases) func leasesOutliveTheirSubnetIntoTheNextOne(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let (_, epoch) = try await store.serve("hall1", by: "rack1")
    let old = try await store.row("hall1").subnet.dhcpID
    let (soon, late) = (world.now.advanced(bySeconds: 60), world.now.advanced(bySeconds: 3_600))
    try await store.write { tx in
      try tx.observe(lease(1, "10.1.3.1", old, late))
      try tx.observe(lease(2, "10.1.0.9", old, soon))
      try tx.observe(lease(3, "10.1.3.3", old, world.now))
      _ = try tx.removeSubnet("hall1")
    }
    #expect(epoch == Epoch(1))
    // What the agent says when it has stopped is the newest word; others are not heard.
    let told = try await store.write { tx in
      let stranger = try tx.observeLeft([lease(9, "10.1.3.50", old, late)], in: old, by: "rack2")
      let owner = try tx.observeLeft(
        [lease(2, "10.1.0.9", old, late), lease(4, "10.1.2.4", old, late)], in: old, by: "rack1")
      try tx.confirmRelease(of: old, by: "rack1")
      return [stranger, owner]
    }
    #expect(told == [false, true])
    // Two new subnets with the addresses of the old one, and one in another fabric.
    let halves: [(SubnetName, IPv4Prefix, FabricName)] = [
      ("low", "10.1.0.0/23", .default), ("high", "10.1.2.0/23", .default), ("lab", "10.1.0.0/22", "lab"),
    ]
    var found: [SubnetName: [IPv4Address]] = [:]
    for (name, prefix, fabric) in halves {
      found[name] = try await store.write { tx in
        let id = try tx.createSubnet(SubnetSpec(name: name, fabric: fabric, prefix: prefix), by: ops).row.subnet.dhcpID
        return try tx.leases(in: id, from: prefix.network, limit: 10).map(\.address)
      }
    }
    #expect(found == ["low": ["10.1.0.9"], "high": ["10.1.2.4", "10.1.3.1"], "lab": []])
    // As good as held: not for another machine before it ends, but for its own at once.
    let refused = await problems {
      try await store.add(spec("thief", mac(8), "low", .fixed("10.1.0.9")))
    }
    #expect(refused.map(\.code) == [.addressHeld])
    try await store.add(spec("owner", mac(2), "low", .fixed("10.1.0.9")))
  }

  @Test(arguments: Engine.allCases) func anAddressThatWasHeldIsHeldInTheNextSubnet(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    let old = try await store.row("hall1").subnet.dhcpID
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.50")))
    try await store.remove("a")
    let lifetime = hall1.leaseSeconds
    try await store.write { tx in
      _ = try tx.removeSubnet("hall1")
      // By force: nobody says what it served.
      try tx.confirmReleases(by: "rack1", except: [])
      _ = try tx.createSubnet(hall1, by: ops)
    }
    let new = try await store.row("hall1").subnet.dhcpID
    #expect(new != old)
    let place = SubnetAddress(subnet: new, address: "10.1.0.50")
    let lease = try await store.read { try $0.lease(place) }
    #expect(lease?.mac == mac(1))
    #expect(lease?.until == world.now.advanced(bySeconds: Int64(lifetime)))
    world.advance(seconds: Int64(lifetime) + 1)
    try await store.add(spec("b", mac(2), "hall1", .fixed("10.1.0.50")))
  }

  @Test(arguments: Engine.allCases) func leasesOfRemovedSubnetsAreForgottenWhenTheyEnd(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let old = try await store.row("hall1").subnet.dhcpID
    try await store.write { tx in
      try tx.observe(lease(1, "10.1.3.1", old, world.now.advanced(bySeconds: 60)))
      _ = try tx.removeSubnet("hall1")
    }
    world.advance(seconds: 61)
    let left = try await store.write { tx in
      _ = try tx.trim()
      return try tx.tables.deleteFormerLeases(endedBefore: Timestamp(nanoseconds: .max), limit: 10)
    }
    #expect(left == 0)
  }
}
