import Glibc
import Provisioning
import Testing

@testable import Pserv

/// A subnet that changes hands, and a configuration that makes Kea deaf, with a real Kea.
@Suite(.enabled(if: TestRack.isPossible), .serialized, .timeLimit(.minutes(3)))
struct KeaHandoverTests {
  private let hall1 = DHCPSubnetID(number: 1)

  private func lease(_ number: Int, _ address: IPv4Address, seconds: Int64 = 600) -> Lease {
    Lease(
      dhcpID: hall1, mac: TestStates.mac(number), address: address,
      until: Timestamp(seconds: SystemTimekeeper().wall.nanoseconds / 1_000_000_000 + seconds))
  }

  /// Carries out the plan for subnets that come from another agent.
  private func takeOver(_ state: RackState, _ leases: [Lease], on kea: KeaBackend) async throws {
    let observed = Observed(
      fingerprint: try kea.fingerprint(of: state), inspection: try await kea.inspect(), linksUp: ["eno2"])
    let steps = plan(desired: state, applied: .empty, observed: observed, handed: [hall1: leases])
    #expect(steps.contains { if case .adoptLeases = $0 { true } else { false } })
    var runner = StepRunner(
      backend: kea, time: SystemTimekeeper(), log: Sample.log, desired: state, fallback: { .empty },
      mayGoOn: { true })
    #expect(try await runner.run(steps) == .done)
    #expect(runner.findings.probe == "probe ok")
  }

  @Test func theNewOwnerKnowsWhoHasWhichAddress() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea { $0.user = getpwnam("_kea") == nil ? nil : "_kea" }
    // Two addresses, one of them taken.
    let state = TestStates.hall1(
      [TestStates.binding(1, address: "10.1.0.10")], pool: ["10.1.3.0-10.1.3.1"])
    let handed = [lease(900, "10.1.3.0"), lease(901, "10.1.0.77")]
    try await withRunning(kea.run) {
      try await takeOver(state, handed, on: kea)
      #expect(try await TestMachine(TestStates.mac(902), in: rack).takeLease() == "10.1.3.1")
      #expect(try await TestMachine(TestStates.mac(903), in: rack).takeLease(within: .milliseconds(800)) == nil)
      #expect(try await TestMachine(TestStates.mac(900), in: rack).takeLease() == "10.1.3.0")
      #expect(try await TestMachine(TestStates.mac(1), in: rack).takeLease() == "10.1.0.10")
      let known = try await kea.leases(in: [hall1]).map(\.address).sorted()
      #expect(known == ["10.1.0.10", "10.1.0.77", "10.1.3.0", "10.1.3.1"])
      // Again, beside a running Kea, as after a death of the agent between adopting and recording.
      try await takeOver(state, handed, on: kea)
      // A newer word on the same address replaces the older one.
      try await kea.adopt([lease(905, "10.1.0.77", seconds: 900)])
      #expect(try await kea.leases(in: [hall1]).first { $0.address == "10.1.0.77" }?.mac == TestStates.mac(905))
    }
  }

  // MARK: Rehearsals

  private func far(_ number: UInt32, relay: IPv4Address, _ bindings: [Binding] = []) -> ServedSubnet {
    TestStates.subnet(
      number, prefix: IPv4Prefix(masking: IPv4Address(bits: 0x0a00_0000 | number << 16), length: 24), pool: [],
      attachment: Attachment(interface: "eno2", agentAddress: "10.1.0.1", isRelayed: true), relays: [relay],
      bindings: bindings)
  }

  @Test func aScratchKeaFindsTheSubnetThatNobodyAnswersIn() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea { $0.user = getpwnam("_kea") == nil ? nil : "_kea" }
    let good = TestStates.hall1(nodes: 3)
    // Kea takes two subnets of one relay, and serves the first only.
    let bad = RackState(subnets: good.subnets + [far(7, relay: "10.9.9.9"), far(8, relay: "10.9.9.9"), far(9, relay: "10.9.0.1")])
    #expect(try await kea.validate(bad) == .accepted, "its checker sees nothing")
    var search = OffenderSearch(desired: bad, good: good)
    while let part = search.next() {
      switch try await kea.rehearse(part, from: good) {
      case .answered: search.record(.accepted)
      case .failed(let words): search.record(.refused(words))
      case .notPossible(let words):
        Issue.record("\(words)")
        return
      }
    }
    #expect(
      search.outcome
        == .found(headers: [DHCPSubnetID(number: 8): "with it, a scratch copy of Kea answers nobody in hall8"], bindings: []))
    #expect(try await kea.inspect().isRunning == false, "the real Kea is not touched")
    #expect(ProcessTable.find(in: nil) { words in words.contains { $0.contains(rack.directory) } }.isEmpty, "the scratch ones are gone")
  }

  @Test func whatKeaDoesNotLoadFailsItsRehearsalInKeasWords() async throws {
    let rack = try await TestRack()
    let kea = try rack.kea { $0.hooksDirectory = "/nowhere" }
    guard case .notPossible(let words) = try await kea.rehearse(TestStates.hall1(nodes: 1), from: .empty) else {
      Issue.record("without its hooks no Kea starts")
      return
    }
    #expect(words.contains("no scratch copy of Kea can be started"))
  }

  @Test func everySubnetIsAskedForAlsoWhenItHasNoMachines() {
    let state = RackState(subnets: [far(7, relay: "10.9.9.9"), TestStates.subnet(8, prefix: "10.8.0.0/31", pool: [], bindings: [])])
    let rehearsed = RehearsedState(state)
    #expect(rehearsed.targets.map(\.dhcpID.number) == [7])
    #expect(rehearsed.targets.first?.address == "10.7.0.2", "neither network nor gateway")
    #expect(rehearsed.targets.first?.relay == "10.9.9.9")
  }
}
