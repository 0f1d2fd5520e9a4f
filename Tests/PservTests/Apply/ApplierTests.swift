import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// A rack with a daemon in memory.
final class ApplyBench: Sendable {
  let scratch = Scratch()
  let time = ManualTime()
  let dhcp = MemoryDHCP()
  let view = AppliedView()
  private let current: Mutex<Mirror>
  private let feeds: Mutex<[DHCPSubnetID: SampleFeed]>

  init(_ headers: [SubnetHeader] = [Sample.header()]) throws {
    let mirror = try scratch.mirror()
    current = Mutex(mirror)
    feeds = Mutex(Dictionary(uniqueKeysWithValues: headers.map { ($0.dhcpID, SampleFeed(header: $0)) }))
    for header in headers { #expect(try mirror.assign(header.dhcpID, name: header.name, epoch: Epoch(1))) }
  }

  var mirror: Mirror { current.withLock { $0 } }

  /// A fresh applier on a mirror that was read again, as after a restart of the agent.
  func applier() throws -> Applier {
    let mirror = try scratch.mirror()
    current.withLock { $0 = mirror }
    return Applier(mirror: mirror, backend: dhcp, view: view, time: time, log: Sample.log)
  }

  func put(
    _ bindings: [Binding] = [], removing: [MACAddress] = [], header: SubnetHeader? = nil, in id: DHCPSubnetID = Sample.hall1
  ) throws {
    let (chunk, commit) = feeds.withLock { $0[id]!.put(bindings, removing: removing, header: header) }
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
  }

  func applied(_ id: DHCPSubnetID = Sample.hall1) throws -> AppliedSubnet? {
    try scratch.mirror().content.subnets[id]?.applied
  }

  var served: [MACAddress: IPv4Address] {
    var served: [MACAddress: IPv4Address] = [:]
    for binding in dhcp.snapshot.loaded?.answering.flatMap(\.bindings) ?? [] { served[binding.mac] = binding.address }
    return served
  }
}

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
