import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// What was revoked is not answered again, and an agent that was displaced changes nothing: whatever failed meanwhile.
struct ApplierRestoreTests {
  @Test func aRevokedSubnetIsNoLongerAnsweredAndItsLeasesAreNamed() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    #expect(try bench.mirror.revoke(Sample.hall1, epoch: Epoch(2)))
    let report = await applier.apply(links: Sample.links)
    #expect(report.ended.map(\.dhcpID) == [Sample.hall1])
    #expect(report.ended.first?.epoch == Epoch(2))
    #expect(report.ended.first?.leasesLeft.map(\.address) == ["10.1.0.2"])
    #expect(!bench.dhcp.snapshot.isRunning)
    #expect(bench.view.answer(to: Sample.mac(2), at: Sample.agent) == .notServed)
  }

  /// Whoever watches over the daemon would start it again, by the file that still has the subnet.
  @Test func aRevokedSubnetIsNotAnsweredAgainByADaemonThatWasDown() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.change { ($0.isRunning, $0.loaded) = (false, nil) }
    #expect(try bench.mirror.revoke(Sample.hall1, epoch: Epoch(2)))
    bench.dhcp.change { $0.calls = [] }
    let report = await applier.apply(links: Sample.links)
    #expect(report.ended.map(\.epoch) == [Epoch(2)])
    #expect(bench.dhcp.snapshot.calls.contains(.stop))
  }

  @Test func aPlanOfAnOlderEpochTouchesNothing() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    // The subnet is revoked after the configuration was checked and before it would be installed.
    bench.dhcp.beforeEachCall { call in
      if call == .validateStaged { _ = try! bench.mirror.revoke(Sample.hall1, epoch: Epoch(2)) }
    }
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(bench.dhcp.snapshot.installed == nil)
    #expect(bench.dhcp.loads == 0)
    #expect(report.ended.map(\.dhcpID) == [Sample.hall1])
  }

  /// Hall 1 went to another agent or was turned off, alone or beside a hall that goes on; then an apply fails.
  @Test(arguments: [true, false], [true, false])
  func whatIsRestoredAfterAFailureHoldsNoSubnetThatWasRevokedOrTurnedOffBefore(
    isRevoked: Bool, isOtherServed: Bool
  ) async throws {
    let bench = try ApplyBench([Sample.header(), Self.otherHall])
    try bench.put([Sample.binding(2)])
    if isOtherServed { try bench.put([Sample.binding(3, in: Sample.hall2)], in: Sample.hall2) }
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    if isRevoked {
      #expect(try bench.mirror.revoke(Sample.hall1, epoch: Epoch(2)))
    } else {
      try bench.put(header: Sample.header(isDHCPOn: false))
    }
    // It is not the configuration: a scratch daemon answers by it.
    bench.dhcp.rehearse { _ in .answered }
    // With the failing change in the same apply, and in a later one.
    for isLater in isOtherServed ? [false, true] : [true] {
      if isLater { _ = await applier.apply(links: Sample.links) }
      let number = isLater ? 5 : 4
      bench.dhcp.goDeaf { $0[Sample.hall2]?.binding(of: Sample.mac(number)) != nil }
      try bench.put([Sample.binding(number, in: Sample.hall2)], in: Sample.hall2)
      #expect(await applier.apply(links: Sample.links).failure?.trouble.code == .deaf)
      let state = bench.dhcp.snapshot
      #expect(state.isRunning == isOtherServed)
      #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == nil)
      if isOtherServed { #expect(bench.dhcp.exchange(Sample.mac(3), in: Sample.hall2) == "10.2.0.3") }
      bench.dhcp.goDeaf { _ in false }
    }
  }

  private static let otherHall = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)

  /// Another machine takes the agent's identity before each call in turn, in an apply in which reloads fail and the
  /// daemon does not answer. From then on nothing is done that others see but to end a pause of our own.
  @Test(arguments: MemoryDHCP.Call.allCases, [true, false])
  func fromTheMomentItIsDisplacedAnAgentChangesNothing(call: MemoryDHCP.Call, isDeaf: Bool) async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2), Sample.binding(3)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    try bench.put([Sample.binding(2, address: "10.1.0.3"), Sample.binding(3, address: "10.1.0.2")])
    _ = bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1)
    if isDeaf { bench.dhcp.goDeaf { $0.subnets.first?.binding(of: Sample.mac(2))?.address == "10.1.0.3" } }
    bench.dhcp.fail(.reload)
    let after = Mutex<[MemoryDHCP.Call]?>(nil)
    bench.dhcp.beforeEachCall { next in
      after.withLock { $0?.append(next) }
      guard next == call else { return }
      applier.stopWriting()
      after.withLock { $0 = $0 ?? [] }
    }
    _ = await applier.apply(links: Sample.links)
    let harmless: Set<MemoryDHCP.Call> = [
      .inspect, .validate, .stage, .validateStaged, .leases, .foreignServer, .probe, .resume, .rehearse,
    ]
    #expect(after.withLock { $0 ?? [] }.allSatisfy { harmless.contains($0) })
    #expect(!bench.dhcp.snapshot.isPaused)
  }

  /// The daemon did not run when two addresses changed hands, and the agent died between its start and the deletion.
  @Test func leasesThatACutOffPlanLeftInTheWayAreDeletedByTheNext() async throws {
    let bench = try ApplyBench([Sample.header(pool: nil)])
    try bench.put([Sample.binding(2), Sample.binding(3)])
    _ = await (try bench.applier()).apply(links: Sample.links)
    for number in [2, 3] { _ = bench.dhcp.exchange(Sample.mac(number), in: Sample.hall1) }
    try bench.put([Sample.binding(2, address: "10.1.0.3"), Sample.binding(3, address: "10.1.0.2")])
    bench.dhcp.change { ($0.isRunning, $0.loaded) = (false, nil) }
    let applier = try bench.applier()
    bench.dhcp.beforeEachCall { call in
      guard call == .delete else { return }
      withUnsafeCurrentTask { $0?.cancel() }
    }
    bench.dhcp.fail(.delete, times: .max)
    _ = await Task { await applier.apply(links: Sample.links) }.value
    bench.dhcp.beforeEachCall { _ in }
    bench.dhcp.fail(.delete, times: 0)
    #expect(bench.dhcp.snapshot.isRunning)
    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(!bench.dhcp.snapshot.isPaused)
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.3")
    #expect(bench.dhcp.exchange(Sample.mac(3), in: Sample.hall1) == "10.1.0.2")
  }

  @Test func aDisplacedAgentWritesNothing() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    applier.stopWriting()
    _ = await applier.apply(links: Sample.links)
    #expect(bench.dhcp.snapshot.calls.isEmpty)
  }

  @Test func aRestartedAgentAdoptsWhatRunsWithoutAReload() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    _ = await (try bench.applier()).apply(links: Sample.links)
    let loads = bench.dhcp.loads
    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(bench.dhcp.loads == loads)
    #expect(report.probe == "probe ok")
  }
}
