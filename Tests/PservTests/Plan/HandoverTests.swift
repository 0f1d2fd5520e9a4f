import Provisioning
import Synchronization
import Testing
import Wire

@testable import Pserv

/// A subnet that comes from another agent, or goes to one: nobody is offered an address that a machine has by a lease.
struct HandoverTests {
  private let pool = Sample.header(pool: "10.1.3.0-10.1.3.2")

  private func lease(_ number: Int, _ address: IPv4Address, seconds: Int64 = 600) -> Lease {
    Lease(
      dhcpID: Sample.hall1, mac: Sample.mac(number), address: address,
      until: Timestamp(seconds: 1_800_000_000 + seconds))
  }

  private let now = Timestamp(seconds: 1_800_000_000)

  // MARK: Rules

  @Test func whatIsReservedOrElsewhereIsNotAdopted() {
    let leases = [
      lease(1, "10.1.3.0"), lease(2, "10.1.0.2"), lease(9, "10.1.0.2"), lease(3, "10.9.0.1"), lease(4, Sample.agent),
      lease(5, "10.1.0.77"),
    ]
    let adoption = Adoption(leases, into: Sample.served([Sample.binding(2)]), isAnswered: false)
    #expect(adoption?.leases == [lease(1, "10.1.3.0"), lease(5, "10.1.0.77")])
    #expect(Adoption([lease(2, "10.1.0.2")], into: Sample.served([Sample.binding(2)]), isAnswered: false) == nil)
  }

  @Test func theFormerOwnersWordBeatsOldMemoriesAndNotThoseOfADaemonThatAnswers() throws {
    let full = Int64(Sample.served([]).header.leaseSeconds)
    let leases = [lease(1, "10.1.3.0", seconds: full), lease(2, "10.1.3.1", seconds: full)]
    let known = [lease(8, "10.1.3.0", seconds: 9_000), lease(2, "10.1.3.1", seconds: full + 100)]
    let begins = try #require(Adoption(leases, into: Sample.served([]), isAnswered: false))
    #expect(begins.missing(besides: known, at: now) == [lease(1, "10.1.3.0", seconds: full)])
    let goesOn = try #require(Adoption(leases, into: Sample.served([]), isAnswered: true))
    #expect(goesOn.missing(besides: known, at: now) == [])
    #expect(goesOn.missing(besides: [], at: now) == leases)
  }

  @Test func aLeaseFromAnotherClockCountsInFullAndNotForEver() throws {
    let full = Int64(Sample.served([]).header.leaseSeconds)
    let longest = Int64(SubnetSpec.leaseSecondsRange.upperBound)
    // Of a region whose clock is ahead, whose leases were longer before, and whose clock is years ahead.
    let leases = [
      lease(1, "10.1.3.0", seconds: -40), lease(2, "10.1.3.1", seconds: full + 60),
      lease(3, "10.1.3.2", seconds: longest * 100),
    ]
    let adoption = try #require(Adoption(leases, into: Sample.served([]), isAnswered: false))
    #expect(
      adoption.missing(besides: [], at: now) == [
        lease(1, "10.1.3.0", seconds: full), lease(2, "10.1.3.1", seconds: full + 60),
        lease(3, "10.1.3.2", seconds: longest),
      ])
  }

  @Test func aSubnetIsNotAnsweredBeforeTheLeasesAreThere() {
    var subnet = MirroredSubnet(
      dhcpID: Sample.hall1, name: pool.name, epochMax: Epoch(2), isOwned: true)
    subnet.received.header = pool
    subnet.received.generation = Generation(3)
    subnet.handover = .awaited
    var content = MirrorContent()
    content.subnets[Sample.hall1] = subnet
    #expect(DesiredRack(content, links: Sample.links).state.subnets.isEmpty)
    // One that answers already, after a drain that was taken back, goes on.
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([Sample.binding(2)], header: pool), incarnation: [], digest: .zero, headerGeneration: .zero,
      rejected: [], leasesLeft: [])
    content.subnets[Sample.hall1] = subnet
    let kept = DesiredRack(content, links: Sample.links)
    #expect(kept.state[Sample.hall1]?.bindings == [Sample.binding(2)])
    #expect(kept.state[Sample.hall1]?.epoch == Epoch(2))
    #expect(kept.facts.isEmpty)
    subnet.handover = .received([lease(1, "10.1.3.0")])
    content.subnets[Sample.hall1] = subnet
    #expect(DesiredRack(content, links: Sample.links).handed == [Sample.hall1: [lease(1, "10.1.3.0")]])
  }

  // MARK: Steps

  private func names(
    _ desired: RackState, _ applied: RackState, isRunning: Bool, isLoaded: Bool = false, memoryBytes: UInt64 = 0,
    handed: [Lease] = [], ended: [DHCPSubnetID] = []
  ) -> String {
    let wanted = ConfigurationFingerprint("wanted")
    let there = isLoaded ? wanted : ConfigurationFingerprint("old")
    let observed = Observed(
      fingerprint: wanted,
      inspection: DHCPInspection(
        installed: there, loaded: isRunning ? there : nil, isRunning: isRunning, memoryBytes: memoryBytes),
      linksUp: ["eno2", "eno3"], memoryMax: 100)
    return plan(
      desired: desired, applied: applied, observed: observed, handed: handed.isEmpty ? [:] : [Sample.hall1: handed],
      ended: ended
    ).map(\.name).joined(separator: " ")
  }

  @Test func leasesAreAdoptedBeforeTheDaemonAnswersByTheConfiguration() {
    let desired = RackState(subnets: [Sample.served([Sample.binding(2)])])
    let handed = [lease(1, "10.1.3.0")]
    let rest = "probe persist acknowledge"
    #expect(
      names(desired, .empty, isRunning: true, handed: handed)
        == "check-foreign stage validate pause load-without-pools adopt-leases stage install reload resume \(rest)")
    #expect(
      names(desired, .empty, isRunning: true, memoryBytes: 200, handed: handed)
        == "check-foreign stage validate pause load-without-pools adopt-leases stage install reload resume \(rest)",
      "a restart would not stay paused")
    #expect(
      names(desired, .empty, isRunning: false, handed: handed)
        == "check-foreign stage validate load-without-pools adopt-leases stage install reload \(rest)")
    #expect(
      names(desired, desired, isRunning: true, isLoaded: true, handed: handed) == "pause adopt-leases resume \(rest)")
    #expect(
      names(desired, desired, isRunning: true, isLoaded: true, handed: [lease(2, "10.1.0.2")]) == "persist acknowledge")
  }

  @Test func theLeasesOfASubnetThatGoesAreReadWhenNobodyIsAnsweredAnyMore() {
    let other = Sample.served(
      [Sample.binding(3, in: Sample.hall2)], header: Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil))
    let both = RackState(subnets: [Sample.served([]), other])
    #expect(
      names(RackState(subnets: [other]), both, isRunning: true, ended: [Sample.hall1])
        == "stage validate install reload survey-leases collect-leases probe persist acknowledge")
    #expect(
      names(.empty, RackState(subnets: [Sample.served([])]), isRunning: true, ended: [Sample.hall1])
        == "stop survey-leases collect-leases persist acknowledge")
    #expect(names(.empty, .empty, isRunning: false, ended: [Sample.hall1]) == "stop collect-leases persist acknowledge")
  }

  // MARK: A daemon

  /// A bench whose hall1 comes from another agent, with its rows.
  private func newOwner(_ leases: [Lease]) throws -> ApplyBench {
    let bench = try ApplyBench([pool])
    #expect(try bench.mirror.assign(Sample.hall1, name: pool.name, epoch: Epoch(1), leasesFollow: true))
    #expect(try bench.mirror.handOver(Sample.hall1, epoch: Epoch(1), leases: leases))
    try bench.put([Sample.binding(20)])
    return bench
  }

  @Test func theNewOwnerGivesNobodyAnAddressThatAMachineHas() async throws {
    let handed = [lease(1, "10.1.3.0"), lease(2, "10.1.3.1")]
    let bench = try newOwner(handed)
    // From an earlier time as owner the daemon remembers somebody else there.
    bench.dhcp.change { $0.leases[SubnetAddress(subnet: Sample.hall1, address: "10.1.3.1")] = lease(7, "10.1.3.1", seconds: 9_000) }
    let asked = Mutex<Set<IPv4Address>>([])
    bench.dhcp.beforeEachCall { _ in
      if let address = bench.dhcp.exchange(Sample.mac(99), in: Sample.hall1) { asked.withLock { _ = $0.insert(address) } }
    }
    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(bench.dhcp.exchange(Sample.mac(99), in: Sample.hall1) == "10.1.3.2")
    #expect(asked.withLock { $0 }.isSubset(of: ["10.1.3.2"]), "a stranger got another machine's address under way")
    #expect(bench.dhcp.exchange(Sample.mac(1), in: Sample.hall1) == "10.1.3.0")
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.3.1")
    #expect(bench.dhcp.exchange(Sample.mac(98), in: Sample.hall1) == nil)
    #expect(try bench.scratch.mirror().content.subnets[Sample.hall1]?.handover == nil, "the daemon has them")
  }

  @Test(arguments: MemoryDHCP.Call.allCases)
  func afterDeathAtAnyStepTheNextLifeAdoptsThem(call: MemoryDHCP.Call) async throws {
    let bench = try newOwner([lease(1, "10.1.3.0"), lease(2, "10.1.3.1")])
    let asked = Mutex<Set<IPv4Address>>([])
    bench.dhcp.beforeEachCall { next in
      if let address = bench.dhcp.exchange(Sample.mac(99), in: Sample.hall1) { asked.withLock { _ = $0.insert(address) } }
      if next == call { withUnsafeCurrentTask { $0?.cancel() } }
    }
    bench.dhcp.fail(call, times: .max)
    let doomed = Task { [applier = try bench.applier()] in await applier.apply(links: Sample.links) }
    _ = await doomed.value
    bench.dhcp.fail(call, times: 0)
    bench.dhcp.beforeEachCall { _ in
      if let address = bench.dhcp.exchange(Sample.mac(99), in: Sample.hall1) { asked.withLock { _ = $0.insert(address) } }
    }
    let report = await (try bench.applier()).apply(links: Sample.links)
    #expect(report.failure == nil)
    #expect(!bench.dhcp.snapshot.isPaused)
    #expect(asked.withLock { $0 }.isSubset(of: ["10.1.3.2"]))
    #expect(bench.dhcp.exchange(Sample.mac(1), in: Sample.hall1) == "10.1.3.0")
    #expect(bench.dhcp.exchange(Sample.mac(99), in: Sample.hall1) == "10.1.3.2")
  }

  @Test func whoeverIsToldToLeaveAgainNamesTheLeasesAgain() async throws {
    let bench = try ApplyBench([pool])
    try bench.put([Sample.binding(2)])
    let applier = try bench.applier()
    _ = await applier.apply(links: Sample.links)
    #expect(bench.dhcp.exchange(Sample.mac(1), in: Sample.hall1) == "10.1.3.0")
    #expect(bench.dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    #expect(try bench.mirror.revoke(Sample.hall1, epoch: Epoch(2)))
    let leaving = [Sample.hall1: Epoch(2)]
    for _ in 0..<2 {
      let report = await applier.apply(links: Sample.links, leaving: leaving)
      #expect(report.ended.map(\.epoch) == [Epoch(2)])
      #expect(report.ended.first?.leasesLeft.map(\.address) == ["10.1.0.2", "10.1.3.0"])
    }
    #expect(!bench.dhcp.snapshot.isRunning)
    // One of which this agent never heard.
    let stranger = await applier.apply(links: Sample.links, leaving: [Sample.hall2: Epoch(9)])
    #expect(stranger.ended.map(\.epoch) == [Epoch(9)])
    #expect(stranger.ended.first?.leasesLeft == [])
  }

  // MARK: The mirror and the session

  @Test func aHandoverSurvivesTheAgentAndEndsWithTheOwnership() throws {
    let scratch = Scratch()
    let mirror = try scratch.mirror()
    func kept() throws -> Handover? { try scratch.mirror().content.subnets[Sample.hall1]?.handover }
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1), leasesFollow: true))
    #expect(try kept() == .awaited)
    #expect(try !mirror.handOver(Sample.hall1, epoch: Epoch(2), leases: []), "of another epoch")
    #expect(try mirror.handOver(Sample.hall1, epoch: Epoch(1), leases: [lease(1, "10.1.3.0")]))
    #expect(try kept() == .received([lease(1, "10.1.3.0")]))
    // A session later nothing more follows: what came is still to be used.
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1)))
    #expect(try kept() == .received([lease(1, "10.1.3.0")]))
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1), leasesFollow: true))
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1)), "a region that sends none")
    #expect(try kept() == nil)
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1), leasesFollow: true))
    #expect(try mirror.revoke(Sample.hall1, epoch: Epoch(2)))
    #expect(try kept() == nil)
  }

  @Test func manyLeasesAreToldInSeveralMessagesAndAgainInTheNextSession() {
    let leases = (0..<25_000).map { lease(1, IPv4Address(bits: 0x0a01_0000 + UInt32($0))) }
    var outbox = Outbox()
    outbox.end(EndedSubnet(dhcpID: Sample.hall1, epoch: Epoch(2), generation: Generation(1), leasesLeft: leases))
    func say(_ count: Int) -> [UInt32] {
      var told: [UInt32] = []
      for _ in 0..<count {
        switch outbox.next(assigned: [:], spool: { _ in [] }) {
        case .leaseSet(let set):
          #expect(set.epoch == 2)
          told += set.leases.map(\.address)
        case .applied(let applied):
          #expect(applied.revoked)
          told += applied.leasesLeft.map(\.address)
        default: break
        }
      }
      return told
    }
    outbox.beginSession()
    #expect(say(2).count == 20_000)
    outbox.beginSession()
    #expect(say(4) == leases.map(\.address.bits))
    #expect(outbox.next(assigned: [:], spool: { _ in [] }) == nil)
  }

  @Test func leasesOfTheFormerOwnerAreUnderstoodAndWrongOnesEndTheSession() throws {
    var session = SessionMachine(now: .zero)
    _ = try session.receive(
      MusterV1.RegionMessage(message: .welcome(MusterV1.Welcome(sessionEpoch: 1, renewNs: 1_000_000_000, protocolVersion: 1))),
      now: .zero)
    var set = MusterV1.LeaseSet(
      dhcpId: 1, epoch: 4, leases: [MusterV1.LeaseLeft(address: 0x0a01_0300, mac: Sample.mac(1).bits, untilNs: 5)], last: true)
    let action = try session.receive(MusterV1.RegionMessage(message: .leaseSet(set)), now: .zero)
    let lease = Lease(dhcpID: Sample.hall1, mac: Sample.mac(1), address: "10.1.3.0", until: Timestamp(nanoseconds: 5))
    #expect(action == .leases(Sample.hall1, Epoch(4), [lease], isLast: true))
    set.leases[0].mac = 0
    #expect(throws: SessionMachine.End.self) {
      try session.receive(MusterV1.RegionMessage(message: .leaseSet(set)), now: .zero)
    }
  }
}
