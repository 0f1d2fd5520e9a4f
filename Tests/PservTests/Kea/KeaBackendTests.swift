import Glibc
import Provisioning
import Testing

@testable import Pserv

/// Against a real Kea in a network namespace of the test's own.
@Suite(.enabled(if: TestRack.isPossible), .serialized, .timeLimit(.minutes(3)))
struct KeaBackendTests {
  let target = ProbeTarget(
    dhcpID: DHCPSubnetID(number: 1), mac: TestStates.mac(2), address: "10.1.0.11", attachment: TestStates.attachment,
    relay: nil)

  /// What the core does for a change that moves no lease.
  private func apply(_ state: RackState, to kea: KeaBackend) async throws -> Duration {
    try await kea.stage(state)
    #expect(try await kea.validateStaged() == .accepted)
    try await kea.install()
    return try await kea.reload()
  }

  @Test func aMachineGetsItsReservedAddressAndAStrangerOneOfThePool() async throws {
    let rack = try await TestRack()
    let observations = Observations()
    let kea = try rack.kea(observations)
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: kea)
      #expect(try await TestMachine(TestStates.mac(2), in: rack).takeLease() == "10.1.0.11")
      let stranger = try await TestMachine(TestStates.mac(900), in: rack).takeLease()
      #expect(stranger.map { AddressRange("10.1.3.0-10.1.3.99").contains($0) } == true)
      #expect(try await eventually(within: .seconds(1)) { observations.leases.count == 2 })
      #expect(observations.leases.first?.address == "10.1.0.11")
      #expect(observations.leases.first?.mac == TestStates.mac(2))
      #expect(try await kea.leases(in: [DHCPSubnetID(number: 1)]).count == 2)
      #expect(kea.holder(of: "10.1.0.11")?.mac == TestStates.mac(2))
    }
    #expect(try await kea.inspect().isRunning == false, "the daemon ends with the agent")
  }

  @Test func theProbeSeesTheRightAddressAndLeavesNoLease() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: kea)
      guard case .answered(let time) = try await kea.probe(target) else {
        Issue.record("no answer")
        return
      }
      #expect(time < .milliseconds(500))
      var wrong = target
      wrong.address = "10.1.0.99"
      #expect(try await kea.probe(wrong) == .wrongAddress("10.1.0.11"))
      #expect(try await kea.leases(in: [target.dhcpID]).isEmpty)
    }
  }

  @Test func aStoppedOrPausedKeaIsDeafAlthoughItsProcessLives() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: kea)
      try await kea.pause()
      #expect(try await kea.probe(target) == .deaf)
      _ = try await kea.reload()
      #expect(try await kea.probe(target) == .deaf, "a pause outlives the reload")
      try await kea.resume()
      guard case .answered = try await kea.probe(target) else {
        Issue.record("no answer after the pause")
        return
      }
      let pid = try #require(kea.pid)
      kill(pid, SIGSTOP)
      #expect(try await kea.probe(target) == .deaf)
      kill(pid, SIGCONT)
    }
  }

  @Test(.enabled(if: getpwnam("_kea") != nil, "Debian's Kea has a user of its own"))
  func keaServesAsItsOwnUser() async throws {
    let rack = try await TestRack()
    let root = try rack.kea()
    try await withRunning(root.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: root)
      #expect(try await TestMachine(TestStates.mac(1), in: rack).takeLease() == "10.1.0.10")
    }
    // Its files are root's now.
    let kea = try rack.kea { $0.user = "_kea" }
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: kea)
      let status = try ReadFile.bytes(of: "/proc/\(try #require(kea.pid))/status", max: 1 << 16)
      let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
      let user = "Uid:\t" + Array(repeating: "\(getpwnam("_kea").pointee.pw_uid)", count: 4).joined(separator: "\t")
      #expect(lines.contains { $0 == user })
      // CAP_NET_BIND_SERVICE is 10, CAP_NET_RAW 13.
      #expect(lines.contains("CapEff:\t0000000000002400"))
      #expect(try await TestMachine(TestStates.mac(2), in: rack).takeLease() == "10.1.0.11")
    }
  }

  @Test func aProbeOverADownedLinkIsNoAlarm() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await rack.serverLink("down")
    #expect(try await kea.probe(target) == .notPossible("link eno2 is down"))
  }

  @Test func theProbeReachesARelayedSubnetByItsGiaddr() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    let attachment = LinkAttachment(interface: "eno2", agentAddress: "10.1.0.1", isRelayed: true)
    let far = TestStates.subnet(
      7, prefix: "10.7.0.0/24", pool: [], attachment: attachment, relays: ["10.7.0.1"],
      bindings: [TestStates.binding(70, address: "10.7.0.70", in: 7)])
    try await withRunning(kea.run) {
      _ = try await apply(RackState(subnets: [far]), to: kea)
      let target = ProbeTarget(
        dhcpID: far.dhcpID, mac: TestStates.mac(70), address: "10.7.0.70", attachment: attachment, relay: "10.7.0.1")
      guard case .answered = try await kea.probe(target) else {
        Issue.record("no answer")
        return
      }
    }
  }

  @Test func aForeignServerIsFoundByItsAddressAndOurselvesAreNot() async throws {
    let rack = try await TestRack()
    let other = try await TestRack(["10.1.0.254/22"])
    #expect(try await rack.kea().foreignServer(on: TestStates.attachment) == nil)
    // A Kea that calls itself 10.1.0.254 on our link: from its own agent's sight it is foreign to 10.1.0.1.
    let foreign = try rack.kea { $0 = other.keaSettings; $0.namespace = rack.client }
    try await rack.clientAddress("10.1.0.254/22")
    var state = TestStates.hall1(nodes: 1)
    state[DHCPSubnetID(number: 1)]?.attachment = LinkAttachment(
      interface: TestRack.clientInterface, agentAddress: "10.1.0.254", isRelayed: false)
    try await withRunning(foreign.run) { [state] in
      _ = try await apply(state, to: foreign)
      #expect(try await rack.kea().foreignServer(on: TestStates.attachment) == "10.1.0.254")
    }
  }

  @Test func theSearchOverADownedLinkIsAnErrorAndNoAllClear() async throws {
    let rack = try await TestRack()
    try await rack.serverLink("down")
    await #expect(throws: SystemError("send on eno2", code: ENETDOWN)) {
      try await rack.kea().foreignServer(on: TestStates.attachment)
    }
  }

  @Test func twoMachinesSwapLeasedAddressesWithoutADoubleAnswer() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 2), to: kea)
      let first = try TestMachine(TestStates.mac(1), in: rack)
      let second = try TestMachine(TestStates.mac(2), in: rack)
      #expect(try await first.takeLease() == "10.1.0.10")
      #expect(try await second.takeLease() == "10.1.0.11")
      let swapped = TestStates.hall1([
        TestStates.binding(1, address: "10.1.0.11"), TestStates.binding(2, address: "10.1.0.10"),
      ])
      try await kea.stage(swapped)
      try await kea.install()
      try await kea.pause()
      try await kea.delete(try await kea.leases(in: [DHCPSubnetID(number: 1)]))
      _ = try await kea.reload()
      try await kea.resume()
      #expect(try await !second.confirm("10.1.0.11"), "the old address is not confirmed to the old holder")
      #expect(try await first.takeLease() == "10.1.0.11")
      #expect(try await second.takeLease() == "10.1.0.10")
    }
  }

  @Test func anotherLifeOfTheAgentAdoptsTheDaemon() async throws {
    let rack = try await TestRack()
    let state = TestStates.hall1(nodes: 3)
    let before = try rack.kea { $0.atExit = .keep }
    _ = try await apply(state, to: before)
    let pid = try #require(before.pid)

    let after = try rack.kea()
    let inspection = try await after.inspect()
    #expect(inspection.isRunning)
    #expect(inspection.installed == (try after.fingerprint(of: state)))
    #expect(inspection.loaded == inspection.installed)
    #expect(inspection.memoryBytes > 1 << 20)
    #expect(after.pid == pid)
    try await after.stop()
    #expect(try await after.inspect().isRunning == false)
  }

  @Test func aDaemonThatDiesIsStartedAgain() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 3), to: kea)
      let pid = try #require(kea.pid)
      kill(pid, SIGKILL)
      #expect(try await eventually { kea.pid != nil && kea.pid != pid })
      #expect(
        try await eventually {
          if case .answered = try await kea.probe(target) { true } else { false }
        })
    }
  }

  @Test func whatKeaRefusesTouchesNothingAndIsReportedInItsWords() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      let good = TestStates.hall1(nodes: 3)
      _ = try await apply(good, to: kea)
      // A pool outside its subnet never gets this far; it stands for whatever slips through.
      let bad = TestStates.hall1([], pool: ["10.9.0.1-10.9.0.9"])
      guard case .refused(let words) = try await kea.validate(bad) else {
        Issue.record("accepted")
        return
      }
      #expect(words.contains("10.9.0"))
      #expect(words.utf8.count <= KeaWords.octetsMax)
      try await kea.stage(bad)
      try await kea.install()
      await #expect(throws: KeaControlError.self) { try await kea.reload() }
      try await kea.restore(good)
      #expect(try await kea.inspect().loaded == (try kea.fingerprint(of: good)))
      guard case .answered = try await kea.probe(target) else {
        Issue.record("no answer from the last good configuration")
        return
      }
    }
  }

  @Test func keaTakesEveryConfigurationThatIsWritten() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    for seed in UInt64(1)...20 {
      var random = SeededRandom(seed: seed)
      let state = TestStates.random(&random)
      let verdict = try await kea.validate(state.attached(to: TestStates.attachment))
      #expect(verdict == .accepted, "seed \(seed)")
    }
  }

  @Test func theSilenceOfAReloadIsWhatIsReported() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea()
    try await withRunning(kea.run) {
      _ = try await apply(TestStates.hall1(nodes: 999, pool: []), to: kea)
      let machine = try TestMachine(TestStates.mac(1), in: rack)
      for nodes in [1_000, 1_001, 1_002] {
        async let reported = apply(TestStates.hall1(nodes: nodes, pool: []), to: kea)
        let gap = try await longestGap(machine, during: .seconds(1))
        let time = try await reported
        print("reload of \(nodes) reservations: answered after \(time), longest gap between offers \(gap)")
        #expect(gap < .seconds(1))
      }
    }
  }

  /// Asks every 3 ms; the longest time without an offer.
  private func longestGap(_ machine: TestMachine, during length: Duration) async throws -> Duration {
    let end = ContinuousClock.now + length
    var last = ContinuousClock.now
    var longest = Duration.zero
    while ContinuousClock.now < end {
      if try await machine.offer(within: .milliseconds(3)) != nil {
        longest = max(longest, last.duration(to: .now))
        last = .now
      }
    }
    return longest
  }
}

extension RackState {
  /// The same with every attachment on one interface at one address: the checker asks whether the host has them.
  func attached(to attachment: LinkAttachment) -> RackState {
    RackState(
      subnets: subnets.map { subnet in
        var subnet = subnet
        subnet.attachment?.interface = attachment.interface
        subnet.attachment?.agentAddress = attachment.agentAddress
        return subnet
      }, profiles: profiles)
  }
}
