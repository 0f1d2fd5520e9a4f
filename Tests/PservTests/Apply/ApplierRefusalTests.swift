import Provisioning
import Testing

@testable import Pserv

/// What the DHCP server refuses or goes deaf by hurts the one who asked for it, and the rest applies.
struct ApplierRefusalTests {
  @Test func whatTheServerRefusesIsQuarantinedAndTheRestServes() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.refuse { state in
      let isBad = state.subnets.contains { subnet in
        [40, 77].contains { subnet.binding(of: Sample.mac($0)) != nil }
      }
      return isBad ? "bad row" : nil
    }
    try bench.put((3...100).map { Sample.binding($0) })
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.served.first?.rejected.map(\.binding.mac) == [Sample.mac(40), Sample.mac(77)])
    #expect(report.served.first?.rejected.first?.reason == RejectionReason(.refusedByServer, "bad row"))
    #expect(report.served.first?.subnet.generation == Generation(2))
    #expect(bench.served.count == 97)
    // The same rows are not tried again with the next edit.
    let questions = bench.dhcp.snapshot.calls.count { $0 == .validate }
    try bench.put([Sample.binding(101)])
    let next = await applier.apply(links: Sample.links)
    #expect(next.served.first?.rejected.count == 2)
    #expect(bench.dhcp.snapshot.calls.count { $0 == .validate } == questions)
  }

  /// So many that one search does not come to an end.
  @Test func everyGoodNodeIsServedHoweverManyAreRefused() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(1)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    let offenders = stride(from: 5, through: 200, by: 5).map(Sample.mac)
    bench.dhcp.refuse { state in
      state.subnets.contains { subnet in offenders.contains { subnet.binding(of: $0) != nil } } ? "bad row" : nil
    }
    try bench.put((1...200).map { Sample.binding($0) })
    var report = await applier.apply(links: Sample.links)
    #expect(report.isUnfinished)
    #expect(report.served.first?.rejected.contains { $0.reason.code == .unresolved } == true)
    var settled = 0
    var passes = 1
    while report.isUnfinished, passes < 40 {
      report = await applier.apply(links: Sample.links)
      #expect(report.failure == nil)
      let refused = report.served.first?.rejected.count { $0.reason.code == .refusedByServer } ?? 0
      #expect(bench.served.count + refused > settled, "every pass goes on where the last one ended")
      settled = bench.served.count + refused
      passes += 1
    }
    #expect(passes > 1)
    #expect(bench.served.count == 160)
    #expect(report.served.first?.rejected.map(\.binding.mac) == offenders)
    #expect(report.served.first?.rejected.allSatisfy { $0.reason.code == .refusedByServer } == true)
  }

  @Test func aRefusedHeaderLeavesTheOldOneServingAndTheOtherSubnetsFree() async throws {
    let other = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let bench = try ApplyBench([Sample.header(), other])
    try bench.put([Sample.binding(2)])
    try bench.put([Sample.binding(3, in: Sample.hall2)], in: Sample.hall2)
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.refuse { $0[Sample.hall1]?.header.gateway == "10.1.0.99" ? "bad option" : nil }
    try bench.put(header: Sample.header(gateway: "10.1.0.99"))
    try bench.put([Sample.binding(4, in: Sample.hall2)], in: Sample.hall2)
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.troubles[Sample.hall1]?.code == .headerRefused)
    #expect(try bench.applied(Sample.hall1)?.subnet.generation == Generation(1))
    #expect(try bench.applied(Sample.hall2)?.subnet.generation == Generation(2))
    #expect(bench.served[Sample.mac(4)] == "10.2.0.4")
    #expect(bench.served[Sample.mac(2)] == "10.1.0.2")
    try bench.put(header: Sample.header(gateway: nil))
    let healed = await applier.apply(links: Sample.links)
    #expect(healed.troubles.isEmpty)
    #expect(try bench.applied(Sample.hall1)?.subnet.generation == Generation(3))
  }

  @Test func aDeafDaemonIsRestartedThenTheLastGoodServes() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.goDeaf { $0.subnets.first?.binding(of: Sample.mac(3)) != nil }
    // It is not the configuration: a scratch daemon answers by it.
    bench.dhcp.rehearse { _ in .answered }
    try bench.put([Sample.binding(3)])
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure?.trouble.code == .deaf)
    #expect(report.troubles[Sample.hall1]?.message.contains("A scratch copy answers by the same configuration") == true)
    #expect(report.troubles[Sample.hall1]?.code == .deaf)
    #expect(try bench.applied()?.subnet.generation == Generation(1))
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    bench.dhcp.goDeaf { _ in false }
    let healed = await applier.apply(links: Sample.links)
    #expect(healed.failure == nil)
    #expect(bench.served[Sample.mac(3)] == "10.1.0.3")
  }

  @Test func aSubnetThatMakesTheDaemonDeafIsLeftOutAndTheRestApplies() async throws {
    let other = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let bench = try ApplyBench([Sample.header(), other])
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.goDeaf { $0[Sample.hall2]?.answersDHCP == true }
    try bench.put([Sample.binding(3)])
    try bench.put([Sample.binding(4, in: Sample.hall2)], in: Sample.hall2)
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.troubles.mapValues(\.code) == [Sample.hall2: .headerRefused])
    #expect(bench.served == [Sample.mac(2): "10.1.0.2", Sample.mac(3): "10.1.0.3"])
    #expect(bench.dhcp.exchange(Sample.mac(3), in: Sample.hall1) == "10.1.0.3")
    #expect(try bench.applied(Sample.hall2) == nil)
    // It is not tried again before it changes.
    let rehearsals = bench.dhcp.snapshot.calls.count { $0 == .rehearse }
    try bench.put([Sample.binding(5)])
    #expect(await applier.apply(links: Sample.links).failure == nil)
    #expect(bench.dhcp.snapshot.calls.count { $0 == .rehearse } == rehearsals)
    bench.dhcp.goDeaf { _ in false }
    try bench.put(header: Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: "10.2.0.1"), in: Sample.hall2)
    #expect(await applier.apply(links: Sample.links).troubles.isEmpty)
    #expect(bench.served[Sample.mac(4)] == "10.2.0.4")
  }

  @Test func aBindingThatMakesTheDaemonDeafIsQuarantined() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.goDeaf { $0[Sample.hall1]?.binding(of: Sample.mac(40)) != nil }
    try bench.put((3...100).map { Sample.binding($0) })
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.served.first?.rejected.map(\.binding.mac) == [Sample.mac(40)])
    #expect(report.served.first?.rejected.first?.reason.words == "nobody is answered")
    #expect(bench.served.count == 98)
    #expect(!bench.dhcp.snapshot.isDeaf)
  }

  @Test func withoutAScratchDaemonTheLastGoodServesAndTheAlarmIsRaised() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.goDeaf { $0[Sample.hall1]?.binding(of: Sample.mac(3)) != nil }
    bench.dhcp.rehearse { _ in .notPossible("no namespaces") }
    try bench.put([Sample.binding(3)])
    let report = await applier.apply(links: Sample.links)
    #expect(report.troubles[Sample.hall1]?.code == .deaf)
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
  }
}
