import Provisioning
import Testing

@testable import Store

@Suite struct RecordTests {
  @Test(arguments: Engine.allCases) func theBuiltInProfilesAreThereAndStay(engine: Engine) async throws {
    let store = try engine.open()
    #expect(try await store.read { try $0.profiles().map(\.name) } == ["enlist", "local"])
    await #expect(throws: Refusal.profileIsBuiltIn("local")) {
      try await store.write { try $0.removeProfile("local") }
    }
  }

  @Test(arguments: Engine.allCases) func aProfileInUseIsNotRemoved(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let image = BootImage(kernel: "rescue/vmlinuz", initrds: ["rescue/initrd"], arguments: "console=ttyS0")
    let rescue = BootProfileSpec(name: "rescue", kind: .kernel(image))
    let before = try await store.read { try $0.profilesRevision() }
    let created = try await store.write { try $0.createProfile(rescue, by: ops) }
    #expect(created.feedRevision == before.next)
    #expect(try await store.read { try $0.profile(named: "rescue") } == created)
    try await store.add(spec("a", mac(1)))
    try await store.change("a") { $0.bootOnce = "rescue" }
    await #expect(throws: Refusal.profileInUse("rescue", by: "a")) {
      try await store.write { try $0.removeProfile("rescue") }
    }
    try await store.change("a") { ($0.bootOnce, $0.bootProfile) = (nil, "rescue") }
    await #expect(throws: Refusal.profileInUse("rescue", by: "a")) {
      try await store.write { try $0.removeProfile("rescue") }
    }
    let same = try await store.write { try $0.replaceProfile("rescue", with: rescue, by: ops).outcome }
    #expect(same == .unchanged)
    try await store.change("a") { $0.bootProfile = .local }
    _ = try await store.write { try $0.removeProfile("rescue") }
    #expect(try await store.read { try $0.profilesRevision() }.number == before.number + 2)
  }

  @Test(arguments: Engine.allCases) func eventsAreNumberedForEverAndTrimmedByAge(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    func record(_ node: NodeName) async throws {
      try await store.write { try $0.record(Event(.nodeAdded, actor: ops, node: node, mac: mac(1), message: "hello")) }
    }
    for number in 1...5 { try await record(try NodeName("n\(number)")) }
    let all = try await store.read { try $0.events(after: 0, limit: 100).events }
    #expect(all.map(\.id) == [1, 2, 3, 4, 5])
    #expect(all[0].mac == mac(1))
    let some = try await store.read { try $0.events(EventFilter(node: "n4"), after: 0, limit: 100).events }
    #expect(some.map(\.id) == [4])
    let kind = try await store.read { try $0.events(EventFilter(kind: .agentAdded), after: 2, limit: 100) }
    #expect(kind.events.isEmpty)
    #expect(kind.next == 5)
    world.advance(seconds: 8 * 86_400)
    _ = try await store.write { try $0.trim() }
    #expect(try await store.read { try $0.eventRange() == nil })
    try await record("n6")
    #expect(try await store.read { try $0.events(after: 0, limit: 100).events.map(\.id) } == [6])
  }

  @Test(arguments: Engine.allCases) func aRepeatedRequestGetsItsFirstOutcome(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.write { try $0.remember([42], ofRequest: [1, 2], fingerprint: [7]) }
    #expect(try await store.read { try $0.outcome(ofRequest: [1, 2], fingerprint: [7]) } == [42])
    #expect(try await store.read { try $0.outcome(ofRequest: [1, 3], fingerprint: [7]) } == nil)
    await #expect(throws: Refusal.requestIDReused) {
      try await store.read { try $0.outcome(ofRequest: [1, 2], fingerprint: [8]) }
    }
    world.advance(seconds: 86_401)
    #expect(try await store.read { try $0.outcome(ofRequest: [1, 2], fingerprint: [8]) } == nil)
    _ = try await store.write { try $0.trim() }
    try await store.write { try $0.remember([43], ofRequest: [1, 2], fingerprint: [8]) }
    #expect(try await store.read { try $0.outcome(ofRequest: [1, 2], fingerprint: [8]) } == [43])
  }

  @Test(arguments: Engine.allCases) func leasesAndBootStagesAreRemembered(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.furnish()
    let node = try await store.add(spec("a", mac(1)))
    let subnet = try await store.row("hall1").subnet
    let until = world.now.advanced(bySeconds: 100)
    try await store.write { tx in
      for number in 1...3 as ClosedRange<UInt64> {
        try tx.observe(
          ObservedLease(
            subnet: subnet.dhcpID, mac: mac(number), address: IPv4Address(bits: 0x0a01_0300 + UInt32(number)),
            until: until))
      }
      try tx.forgetLease(SubnetAddress(subnet: subnet.dhcpID, address: "10.1.3.3"))
      try tx.record(
        BootReport(stage: .kernel, time: Timestamp(seconds: 5), succeeded: false, detail: "404"), of: node.id)
      try tx.record(BootReport(stage: .discover, time: Timestamp(seconds: 3), agent: "rack1"), of: node.id)
      // An older report does not replace a newer one.
      try tx.record(BootReport(stage: .kernel, time: Timestamp(seconds: 4)), of: node.id)
    }
    #expect(try await store.read { try $0.poolUse(of: subnet) } == 2)
    let key = BindingKey(subnet: subnet.dhcpID, mac: mac(2))
    #expect(try await store.read { try $0.leases(of: key).map(\.address) } == ["10.1.3.2"])
    let reports = try await store.read { try $0.bootReports(of: node.id) }
    #expect(reports.map(\.stage) == [.discover, .kernel])
    #expect(reports[1].succeeded == false)
    world.advance(seconds: 2 * 86_400)
    #expect(try await store.read { try $0.poolUse(of: subnet) } == 0)
    _ = try await store.write { try $0.trim() }
    #expect(try await store.read { try $0.leases(of: key) }.isEmpty)
    try await store.remove("a")
    #expect(try await store.read { try $0.bootReports(of: node.id) }.isEmpty)
  }
}
