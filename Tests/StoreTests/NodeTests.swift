import Provisioning
import Testing

@testable import Store

@Suite struct NodeTests {
  @Test(arguments: Engine.allCases) func aNodeReadsBackAsItWasWritten(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    var spec = spec("web1", mac(1), tags: ["gpu", "prod"])
    spec.interfaces.append(NetworkInterface(name: "eth1", mac: mac(2), subnet: "hall2", address: .dynamic))
    spec.interfaces.append(NetworkInterface(name: "eth2", mac: mac(3), subnet: nil))
    spec.bmc = BMC(address: "10.9.0.42", mac: mac(4))
    spec.serial = "7XK2"
    spec.uuid = "4c4c4544-0042-3510-8054-b7c04f595931"
    spec.location = "h1/r1/u42 Köln"
    spec.bootOnce = "enlist"
    let hardware = Hardware(firmware: .uefi, memoryMiB: 65_536, cpuCount: 64, cpuModel: "Xeon")
    let written = try await store.write { [spec] tx in
      try tx.write(.create(spec, state: .new, hardware: hardware), by: ops).results[0].node
    }
    let read = try await store.node("web1")
    #expect(read == written)
    #expect(read?.state == .new)
    #expect(read?.hardware == hardware)
    #expect(read?.interfaces[0].address == .fixed("10.1.0.2"))
    #expect(read?.bootOnce == BootOnce(profile: "enlist", token: 1))
    #expect(read?.updatedBy == ops)
    let byMAC = try await store.read { try $0.nodes(with: mac(3)) }
    #expect(byMAC.map(\.name) == ["web1"])
    let bySerial = try await store.read { try $0.nodes(serial: "7XK2") }
    #expect(bySerial.count == 1)
  }

  @Test(arguments: Engine.allCases) func oneGenerationIsTakenForATransaction(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let generations = try await store.write { tx in
      _ = try tx.write([.create(spec("a", mac(1))), .create(spec("b", mac(2)))], by: ops)
      return try tx.write(.create(spec("c", mac(3), "hall1")), by: ops).generations
    }
    #expect(generations.map(\.generation) == [Generation(2)])
    #expect(try await store.row("hall1").progress.head == Generation(2))
    #expect(try await store.row("hall2").progress.head == Generation(1))
    #expect(try await store.row("hall1").progress.bindings == 3)
  }

  @Test(arguments: Engine.allCases) func anUnchangedNodeTakesNoGeneration(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("a", mac(1)))
    let result = try await store.change("a") { $0.interfaces[0].address = .auto }
    #expect(result.results[0].outcome == .done(.unchanged))
    #expect(result.generations.isEmpty)
    #expect(try await store.node("a")?.revision == Revision(1))
    let moved = try await store.change("a") { $0.location = "r2" }
    #expect(moved.results[0].outcome == .done(.updated))
    #expect(moved.generations.isEmpty)
    #expect(try await store.node("a")?.revision == Revision(2))
  }

  @Test(arguments: Engine.allCases) func twoNodesSwapTheirAddresses(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let a = try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.10")))
    let b = try await store.add(spec("b", mac(2), "hall1", .fixed("10.1.0.11")))
    _ = try await store.serve("hall1", by: "rack1")
    let result = try await store.write { tx in
      try tx.write(
        [
          .replace(a.id, with: spec("a", mac(1), "hall1", .fixed("10.1.0.11"))),
          .replace(b.id, with: spec("b", mac(2), "hall1", .fixed("10.1.0.10"))),
        ], by: ops)
    }
    #expect(result.generations.count == 1)
    #expect(try await store.node("a")?.interfaces[0].address == .fixed("10.1.0.11"))
    let row = try await store.row("hall1")
    let held = try await store.read { try $0.holds(row.subnet.dhcpID, from: "0.0.0.0", limit: 10) }
    #expect(held.isEmpty)
  }

  @Test(arguments: Engine.allCases) func twoNodesSwapNamesAndMACs(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let a = try await store.add(spec("a", mac(1), tags: ["x"]))
    let b = try await store.add(spec("b", mac(2), tags: ["x"]))
    try await store.write { tx in
      _ = try tx.write(
        [
          .replace(a.id, with: spec("b", mac(2), tags: ["x"])), .replace(b.id, with: spec("a", mac(1), tags: ["x"])),
        ], by: ops)
    }
    #expect(try await store.node("a")?.id == b.id)
    #expect(try await store.read { try $0.nodes(with: mac(2)).map(\.id) } == [a.id])
    let tagged = try await store.read { try $0.nodes(NodeFilter(tag: "x"), limit: 10) }
    #expect(tagged.items.map(\.id) == [b.id, a.id])
  }

  @Test(arguments: Engine.allCases) func aClashNamesTheNodeThatHolds(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("r1n42", mac(42), "hall1", .fixed("10.1.0.42")))
    let taken = await problems { try await store.add(spec("web", mac(42), "hall1", .fixed("10.1.0.42"))) }
    #expect(taken.map(\.code) == [.macTaken, .addressTaken])
    #expect(
      taken[0].description
        == "interfaces[0].mac: 52:54:00:00:00:2a belongs to node r1n42 (eth0). "
        + "Remove it there first, or change both in one import.")
    #expect(taken[1].message == "belongs to node r1n42")
    await #expect(throws: Refusal.nodeExists("r1n42")) { try await store.add(spec("r1n42", mac(1))) }
    #expect(try await store.read { try $0.nodeCounts() } == [.ready: 1])
  }

  @Test(arguments: Engine.allCases) func badAddressesAreRefusedByField(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    func code(_ address: IPv4Address, _ subnet: SubnetName = "hall1") async -> ProblemCode? {
      await problems { try await store.add(spec("x", mac(9), subnet, .fixed(address))) }.first?.code
    }
    #expect(await code("10.1.3.10") == .addressInPool)
    #expect(await code("10.9.0.1") == .addressOutsideSubnet)
    #expect(await code("10.1.0.0") == .addressReserved)
    #expect(await code("10.1.3.255") == .addressReserved)
    #expect(await code("10.1.0.1") == .addressReserved)
    #expect(await code("10.1.0.9", "nowhere") == .subnetUnknown)
    let profile = await problems {
      var bad = spec("x", mac(9))
      bad.bootProfile = "rescue"
      return try await store.add(bad)
    }
    #expect(profile.map(\.code) == [.profileUnknown])
    #expect(try await store.read { try $0.nodeCounts() }.isEmpty)
  }

  @Test(arguments: Engine.allCases) func aMACMayRepeatInAnotherFabric(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.write { tx in
      _ = try tx.createSubnet(SubnetSpec(name: "lab", fabric: "lab", prefix: "10.1.0.0/24"), by: ops)
    }
    try await store.add(spec("a", mac(1), "hall1"))
    try await store.add(spec("b", mac(1), "lab"))
    #expect(try await store.read { try $0.nodes(with: mac(1)).count } == 2)
    let taken = await problems { try await store.add(spec("c", mac(1), "hall2")) }
    #expect(taken.map(\.code) == [.macTaken])
    let anywhere = await problems { try await store.add(spec("d", mac(1), nil, .dynamic)) }
    #expect(anywhere.map(\.code) == [.macTaken])
  }

  @Test(arguments: Engine.allCases) func aBatchWithOneBadWriteChangesNothing(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let refused = await problems {
      try await store.write { tx in
        try tx.write(
          [.create(spec("a", mac(1))), .create(spec("b", mac(2), "hall1", .fixed("10.1.0.1")))], by: ops)
      }
    }
    #expect(refused.map(\.field) == ["writes[1].interfaces[0].address"])
    #expect(try await store.node("a") == nil)
    #expect(try await store.row("hall1").progress.head == Generation(1))
  }

  @Test(arguments: Engine.allCases) func theGoodWritesOfABatchStandWithoutTheBad(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let a = try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.10")))
    let result = try await store.write { tx in
      try tx.write(
        [
          // Refused: the gateway. So `a` keeps .10, and the next write cannot have it.
          .replace(a.id, with: spec("a", mac(1), "hall1", .fixed("10.1.0.1"))),
          .create(spec("b", mac(2), "hall1", .fixed("10.1.0.10"))),
          .create(spec("c", mac(3))),
        ], by: ops, mode: .goodOnes)
    }
    #expect(result.results.map { if case .refused = $0.outcome { false } else { true } } == [false, false, true])
    #expect(try await store.node("a")?.interfaces[0].address == .fixed("10.1.0.10"))
    #expect(try await store.node("b") == nil)
    #expect(try await store.node("c") != nil)
  }

  @Test(arguments: Engine.allCases) func autoTakesTheLowestFreeAddress(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("fixed", mac(100), "hall1", .fixed("10.1.0.3")))
    let nodes = try await store.write { tx in
      try tx.write(
        [
          .create(spec("a", mac(1))), .create(spec("b", mac(2), "hall1", .fixed("10.1.0.5"))),
          .create(spec("c", mac(3))), .create(spec("d", mac(4))),
        ], by: ops
      ).results.compactMap { $0.node?.interfaces[0].address.fixed }
    }
    #expect(nodes == ["10.1.0.2", "10.1.0.5", "10.1.0.4", "10.1.0.6"])
    // Nobody ever served the subnet, so a removed node's address is free at once.
    try await store.remove("a")
    #expect(try await store.add(spec("e", mac(5))).interfaces[0].address == .fixed("10.1.0.2"))
    #expect(try await store.add(spec("f", mac(6))).interfaces[0].address == .fixed("10.1.0.7"))
  }

  @Test(arguments: Engine.allCases) func autoSaysWhenASubnetIsFull(engine: Engine) async throws {
    let store = try engine.open()
    try await store.write { tx in
      _ = try tx.createSubnet(
        SubnetSpec(name: "tiny", prefix: "10.5.0.0/29", gateway: "10.5.0.1", pool: ["10.5.0.5-10.5.0.6"]), by: ops)
    }
    for number in 1...3 as ClosedRange<UInt64> {
      try await store.add(spec(try NodeName("n\(number)"), mac(number), "tiny"))
    }
    let full = await problems { try await store.add(spec("n4", mac(4), "tiny")) }
    #expect(full.map(\.code) == [.addressesExhausted])
    try await store.remove("n2")
    #expect(try await store.add(spec("n5", mac(5), "tiny")).interfaces[0].address == .fixed("10.5.0.3"))
  }

  @Test(arguments: Engine.allCases) func aStaleRevisionIsRefused(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let a = try await store.add(spec("a", mac(1)))
    try await store.change("a") { $0.location = "r2" }
    await #expect(throws: Refusal.self) {
      try await store.write { tx in
        _ = try tx.write(.replace(a.id, with: a.spec, ifRevision: a.revision), by: ops)
      }
    }
    #expect(try await store.node("a")?.spec.location == "r2")
  }

  @Test(arguments: Engine.allCases) func listsAreInNaturalOrderAndPaged(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let names = (1...23).shuffled().map { "n\($0)" }
    try await store.write { tx in
      for (index, name) in names.enumerated() {
        _ = try tx.write(
          .create(
            spec(
              try NodeName(name), mac(UInt64(index + 1)), index % 2 == 0 ? "hall1" : "hall2",
              tags: index % 3 == 0 ? ["gpu"] : [])), by: ops)
      }
    }
    func all(_ filter: NodeFilter) async throws -> [String] {
      var key: [UInt8]? = []
      var found: [String] = []
      while let after = key {
        let page = try await store.read { try $0.nodes(filter, after: after, limit: 4) }
        found += page.items.map(\.name.text)
        key = page.next
      }
      return found
    }
    #expect(try await all(NodeFilter()) == (1...23).map { "n\($0)" })
    let hall1 = try await store.row("hall1").subnet.dhcpID
    let expected = names.enumerated().filter { $0.offset % 2 == 0 }.map(\.element).sorted(by: naturallyPrecedes)
    #expect(try await all(NodeFilter(subnet: hall1)) == expected)
    let gpu = names.enumerated().filter { $0.offset % 3 == 0 }.map(\.element).sorted(by: naturallyPrecedes)
    #expect(try await all(NodeFilter(tag: "gpu")) == gpu)
    #expect(try await all(NodeFilter(state: .ready)).count == 23)
    #expect(try await all(NodeFilter(state: .new)).isEmpty)
    _ = try await store.serve("hall1", by: "rack1")
    _ = try await store.serve("hall2", by: "rack1")
    #expect(try await all(NodeFilter(agent: "rack1")) == (1...23).map { "n\($0)" })
    #expect(try await all(NodeFilter(tag: "gpu", agent: "rack1")) == gpu)
  }

  @Test(arguments: Engine.allCases) func aBootOnceIsConsumedOnce(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let node = try await store.add(spec("a", mac(1)))
    try await store.change("a") { $0.bootOnce = "enlist" }
    let token = try #require(try await store.node("a")).bootOnceToken
    let consumed = try await store.write { try $0.consumeBootOnce(of: node.id, token: token, by: .region) }
    #expect(consumed.count == 1)
    #expect(try await store.node("a")?.spec.bootOnce == nil)
    try await store.change("a") { $0.bootOnce = "enlist" }
    let again = try await store.write { try $0.consumeBootOnce(of: node.id, token: token, by: .region) }
    #expect(again.isEmpty)
    #expect(try await store.node("a")?.spec.bootOnce == "enlist")
  }

  /// The agent of the first place may have carried it out, and not been able to say so.
  @Test(arguments: Engine.allCases) func anOrderToBootOnceStaysWithThePlaceItWasGivenFor(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    try await store.add(spec("a", mac(1)))
    func order() async throws {
      try await store.change("a") { $0.bootOnce = nil }
      try await store.change("a") { $0.bootOnce = "enlist" }
    }
    try await order()
    let token = try await store.node("a")?.bootOnceToken
    try await store.change("a") { ($0.interfaces[0].address, $0.tags) = (.fixed("10.1.0.9"), ["gpu"]) }
    #expect(try await store.node("a")?.bootOnce == token.map { BootOnce(profile: "enlist", token: $0) })
    try await store.change("a") { ($0.interfaces[0].subnet, $0.interfaces[0].address) = ("hall2", .auto) }
    #expect(try await store.node("a")?.bootOnce == nil)
    #expect(try await store.node("a")?.bootOnceToken == 0)
    try await order()
    try await store.change("a") { $0.interfaces[0].mac = mac(9) }
    #expect(try await store.node("a")?.spec.bootOnce == nil)
    try await order()
    try await store.change("a") {
      $0.interfaces.append(NetworkInterface(name: "eth1", mac: mac(2), subnet: "hall1", address: .auto, boot: true))
    }
    #expect(try await store.node("a")?.spec.bootOnce == nil)
    // An order of its own goes along.
    try await store.change("a") { ($0.interfaces[1].mac, $0.bootOnce) = (mac(3), "enlist") }
    #expect(try await store.node("a")?.spec.bootOnce == "enlist")
  }

  @Test(arguments: Engine.allCases) func aRehearsalLeavesNothingBehind(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let address = try await store.rehearse { tx in
      try tx.write(.create(spec("a", mac(1))), by: ops).results[0].node?.interfaces[0].address
    }
    #expect(address == .fixed("10.1.0.2"))
    #expect(try await store.node("a") == nil)
    #expect(try await store.row("hall1").progress.head == Generation(1))
  }
}
