import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// What an apply brings about, and what is left when it is cut off.
struct ApplierTests {
  @Test func whatWasCommittedIsServedAndRecorded() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(1), Sample.binding(2)])
    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.probe == "probe ok")
    #expect(bench.served == [Sample.mac(1): "10.1.0.1", Sample.mac(2): "10.1.0.2"])
    #expect(try bench.applied()?.subnet.generation == Generation(1))
  }

  @Test func aSecondApplyOfTheSameDoesNothing() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    let calls = bench.dhcp.snapshot.calls.count
    let report = await applier.apply(links: Sample.links)
    #expect(!report.didReload)
    #expect(bench.dhcp.snapshot.calls.count == calls + 1, "it only looks")
  }

  @Test func aChangedBootProfileReloadsNothingAndIsSeenByBootAnswers() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    let loads = bench.dhcp.loads
    try bench.put([Sample.binding(2, profile: "rescue")])
    let report = await applier.apply(links: Sample.links)
    #expect(report.served.first?.subnet.generation == Generation(2))
    #expect(bench.dhcp.loads == loads)
    guard case .known(let machine) = bench.view.answer(to: Sample.mac(2), at: Sample.agent) else {
      return #expect(Bool(false))
    }
    #expect(machine.profileName == "rescue")
  }

  /// The agent dies before each call in turn; the next life converges and nobody is served wrongly meanwhile.
  @Test(arguments: MemoryDHCP.Call.allCases)
  func afterDeathAtAnyStepTheNextLifeConverges(call: MemoryDHCP.Call) async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2), Sample.binding(3), Sample.binding(5)])
    _ = await (try bench.applier()).apply(links: Sample.links)
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    #expect(bench.dhcp.exchange(Sample.mac(3), in: Sample.hall1) == "10.1.0.3")
    // A swap and a removal: every kind of step.
    try bench.put(
      [Sample.binding(2, address: "10.1.0.3"), Sample.binding(3, address: "10.1.0.2")], removing: [Sample.mac(5)])

    let death = Mutex(false)
    bench.dhcp.beforeEachCall { next in
      guard next == call else { return }
      death.withLock { $0 = true }
      // A task that is cancelled here carries nothing out any more: as if the process had ended.
      withUnsafeCurrentTask { $0?.cancel() }
    }
    bench.dhcp.fail(call, times: .max)
    let doomed = Task { [applier = try bench.applier()] in await applier.apply(links: Sample.links) }
    _ = await doomed.value
    bench.dhcp.fail(call, times: 0)
    bench.dhcp.beforeEachCall { _ in }

    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(try bench.applied()?.subnet.generation == Generation(2))
    #expect(bench.served == [Sample.mac(2): "10.1.0.3", Sample.mac(3): "10.1.0.2"])
    #expect(!bench.dhcp.snapshot.isPaused)
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.3")
    #expect(bench.dhcp.exchange(Sample.mac(3), in: Sample.hall1) == "10.1.0.2")
  }

  /// Each call fails once with the agent alive: what served before serves at once, and the next try succeeds.
  @Test(arguments: MemoryDHCP.Call.allCases)
  func afterAFailureAtAnyStepSomethingGoodServes(call: MemoryDHCP.Call) async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    try bench.put([Sample.binding(2, address: "10.1.0.9"), Sample.binding(4, address: "10.1.0.2")])
    bench.dhcp.fail(call)
    let report = await applier.apply(links: Sample.links)
    let state = bench.dhcp.snapshot
    #expect(state.isRunning)
    #expect(!state.isPaused)
    if report.failure != nil {
      #expect(report.troubles[Sample.hall1] != nil)
      #expect(try bench.applied()?.subnet.generation == Generation(1))
    }
    #expect(state.loaded.map(bench.dhcp.fingerprint) == bench.dhcp.fingerprint(of: bench.mirror.content.appliedState))
    let again = await applier.apply(links: Sample.links)
    #expect(again.failure == nil)
    #expect(bench.served == [Sample.mac(2): "10.1.0.9", Sample.mac(4): "10.1.0.2"])
  }

  /// Both machines ask before every call of the apply. Once an address was answered to its new owner the old one must
  /// never be answered with it again, and nobody gets an address that the other one was given and may use.
  @Test func swappedAddressesAreNeverAnsweredToBoth() async throws {
    let bench = try ApplyBench([Sample.header(pool: nil)])
    try bench.put([Sample.binding(2), Sample.binding(3)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    for number in [2, 3] { _ = bench.dhcp.exchange(Sample.mac(number), in: Sample.hall1) }
    try bench.put([Sample.binding(2, address: "10.1.0.3"), Sample.binding(3, address: "10.1.0.2")])

    let answers = Mutex<[IPv4Address: [MACAddress]]>([:])
    let ask: @Sendable () -> Void = {
      for number in [2, 3] {
        guard let address = bench.dhcp.exchange(Sample.mac(number), in: Sample.hall1) else { continue }
        answers.withLock { $0[address, default: []].append(Sample.mac(number)) }
      }
    }
    bench.dhcp.beforeEachCall { _ in ask() }
    let report = await applier.apply(links: Sample.links)
    bench.dhcp.beforeEachCall { _ in }
    ask()
    #expect(report.failure == nil)
    for (_, machines) in answers.withLock({ $0 }) {
      let changes = zip(machines, machines.dropFirst()).count { $0 != $1 }
      #expect(changes <= 1, "an address changes hands once: \(machines)")
    }
    #expect(answers.withLock { $0["10.1.0.2"]?.last } == Sample.mac(3))
    #expect(answers.withLock { $0["10.1.0.3"]?.last } == Sample.mac(2))
  }

  @Test func aLeaseThatOutlivesItsBindingIsReportedUntilItEnds() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2), Sample.binding(3)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    bench.dhcp.change { $0.now = Timestamp(seconds: 1_800_000_000) }
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    try bench.put([], removing: [Sample.mac(2)])
    var report = await applier.apply(links: Sample.links)
    let lease = Lease(
      dhcpID: Sample.hall1, mac: Sample.mac(2), address: "10.1.0.2", until: Timestamp(seconds: 1_800_003_600))
    #expect(report.served.first?.leasesLeft == [lease])
    // Said again by a later apply and a later life, for the first word may have been lost.
    try bench.put([Sample.binding(4)])
    let nextLife = try bench.applier()
    report = await nextLife.apply(links: Sample.links)
    #expect(report.served.first?.leasesLeft == [lease])
    bench.time.advance(.seconds(3601))
    try bench.put([Sample.binding(5)])
    report = await nextLife.apply(links: Sample.links)
    #expect(report.served.first?.leasesLeft == [])
  }

  @Test func aLeaseInARangeThatLeftThePoolIsReportedUntilItEndsOrTheRangeReturns() async throws {
    let bench = try ApplyBench()
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    let address = try #require(bench.dhcp.exchange(Sample.mac(77), in: Sample.hall1))
    #expect(address == "10.1.3.0")
    try bench.put(header: Sample.header(pool: "10.1.3.50-10.1.3.99"))
    var report = await applier.apply(links: Sample.links)
    #expect(report.served.first?.leasesLeft.map(\.address) == ["10.1.3.0"])
    #expect(report.served.first?.leasesLeft.map(\.mac) == [Sample.mac(77)])
    try bench.put(header: Sample.header())
    report = await applier.apply(links: Sample.links)
    #expect(report.served.first?.leasesLeft == [])
  }

  @Test func moreLeasesThanAMessageNamesAreSaidToBeMoreUntilTheLastOfThemEnds() async throws {
    let wide = Sample.header(prefix: "10.1.0.0/16", pool: "10.1.16.0-10.1.79.255")
    let bench = try ApplyBench([wide])
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    let end = Timestamp(seconds: 1_800_003_600)
    bench.dhcp.change { state in
      for number in 0..<12_000 {
        let address = Sample.address(number, in: "10.1.16.0")
        state.leases[SubnetAddress(subnet: Sample.hall1, address: address)] = Lease(
          dhcpID: Sample.hall1, mac: Sample.mac(1_000 + number), address: address, until: end)
      }
    }
    try bench.put(header: Sample.header(prefix: "10.1.0.0/16", pool: nil))
    let report = await applier.apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(report.served.first?.leasesLeft.count == AppliedSubnet.leasesLeftMax)
    #expect(report.served.first?.leasesMoreUntil == end)
    bench.time.advance(.seconds(3601))
    try bench.put([Sample.binding(3)])
    let later = await applier.apply(links: Sample.links)
    #expect(later.served.first?.leasesLeft == [])
    #expect(later.served.first?.leasesMoreUntil == nil)
  }
}
