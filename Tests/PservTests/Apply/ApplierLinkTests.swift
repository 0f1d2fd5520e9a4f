import Provisioning
import Testing

@testable import Pserv

/// Another server on the link, and links that are down, keep their own subnet off and nothing else.
struct ApplierLinkTests {
  @Test func aForeignServerKeepsDHCPOffUntilItIsTurnedOnAgain() async throws {
    let bench = try ApplyBench()
    bench.dhcp.change { $0.foreign["eno2"] = "10.1.0.254" }
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    var report = await applier.apply(links: Sample.links)
    #expect(report.troubles[Sample.hall1]?.code == .foreignServer)
    #expect(!bench.dhcp.snapshot.isRunning)
    #expect(report.served.first?.subnet.answersDHCP == false)
    // Neither an edit nor a restart of the agent looks again.
    try bench.put([Sample.binding(3)])
    let nextLife = try bench.applier()
    report = await nextLife.apply(links: Sample.links)
    #expect(bench.dhcp.snapshot.calls.count { $0 == .foreignServer } == 1)
    #expect(report.troubles[Sample.hall1]?.code == .foreignServer)
    bench.dhcp.change { $0.foreign = [:] }
    try bench.put(header: Sample.header(isDHCPOn: false))
    _ = await nextLife.apply(links: Sample.links)
    try bench.put(header: Sample.header(isDHCPOn: true))
    report = await nextLife.apply(links: Sample.links)
    #expect(report.troubles.isEmpty)
    #expect(bench.served[Sample.mac(2)] == "10.1.0.2")
  }

  @Test func aLinkThatIsDownAtItsFirstStartHoldsUpNobodyAndStartsWhenItComesUp() async throws {
    let other = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let bench = try ApplyBench([Sample.header(), other])
    try bench.put([Sample.binding(2)])
    try bench.put([Sample.binding(3, in: Sample.hall2)], in: Sample.hall2)
    let applier = try bench.applier()
    let report = await applier.apply(links: Sample.links(down: "eno2"))
    #expect(report.failure == nil)
    #expect(!report.mustRetry)
    #expect(report.troubles.mapValues(\.code) == [Sample.hall1: .noLink])
    #expect(bench.served == [Sample.mac(3): "10.2.0.3"])
    #expect(try bench.applied(Sample.hall1)?.subnet.generation == Generation(1))
    #expect(bench.dhcp.snapshot.calls.count { $0 == .foreignServer } == 1)
    let up = await applier.apply(links: Sample.links)
    #expect(up.troubles.isEmpty)
    #expect(up.probe == "probe ok")
    #expect(bench.served.count == 2)
    #expect(bench.dhcp.snapshot.calls.count { $0 == .foreignServer } == 2)
  }

  @Test func aLinkThatComesUpBesideAForeignServerStaysOff() async throws {
    let bench = try ApplyBench()
    bench.dhcp.change { $0.foreign["eno2"] = "10.1.0.254" }
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links(down: "eno2"))
    let report = await applier.apply(links: Sample.links)
    #expect(report.troubles[Sample.hall1]?.code == .foreignServer)
    #expect(!bench.dhcp.snapshot.isRunning)
  }

  /// The link goes down between the look at it and the search.
  @Test func aLinkThatCannotBeSearchedHoldsUpNobodyAndIsTriedAgain() async throws {
    let other = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let bench = try ApplyBench([Sample.header(), other])
    try bench.put([Sample.binding(3, in: Sample.hall2)], in: Sample.hall2)
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    try bench.put([Sample.binding(2)])
    try bench.put([Sample.binding(4, in: Sample.hall2)], in: Sample.hall2)
    bench.dhcp.fail(.foreignServer)
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.mustRetry)
    #expect(report.troubles.mapValues(\.code) == [Sample.hall1: .noLink])
    #expect(bench.served == [Sample.mac(3): "10.2.0.3", Sample.mac(4): "10.2.0.4"])
    let again = await applier.apply(links: Sample.links)
    #expect(!again.mustRetry)
    #expect(again.troubles.isEmpty)
    #expect(bench.served[Sample.mac(2)] == "10.1.0.2")
  }
}
