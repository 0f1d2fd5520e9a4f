import Provisioning
import Testing

@testable import Pserv

/// Which steps follow from what is desired, applied and observed.
struct PlanTests {
  private static let wanted = ConfigurationFingerprint("wanted")
  private static let old = ConfigurationFingerprint("old")

  private func observed(
    installed: ConfigurationFingerprint? = old, loaded: ConfigurationFingerprint? = old, isRunning: Bool = true,
    leases: [Lease] = [], returned: Set<String> = []
  ) -> Observed {
    Observed(
      fingerprint: Self.wanted,
      inspection: DHCPInspection(installed: installed, loaded: loaded, isRunning: isRunning), leases: leases,
      linksReturned: returned, linksUp: ["eno2", "eno3"])
  }

  private func names(_ desired: RackState, _ applied: RackState, _ observed: Observed) -> String {
    plan(desired: desired, applied: applied, observed: observed).map(\.name).joined(separator: " ")
  }

  private func state(_ bindings: [Binding], isOn: Bool = true) -> RackState {
    RackState(subnets: [Sample.served(bindings, answersDHCP: isOn)])
  }

  private func lease(_ number: Int, at address: Int) -> Lease {
    Lease(
      dhcpID: Sample.hall1, mac: Sample.mac(number), address: Sample.address(address), until: Timestamp(seconds: 1 << 40))
  }

  @Test func theFirstStartLooksForAForeignServer() {
    #expect(
      names(state([Sample.binding(1)]), .empty, observed(installed: nil, loaded: nil, isRunning: false))
        == "check-foreign stage validate install reload probe persist acknowledge")
  }

  @Test func anAddedNodeIsOneReload() {
    #expect(
      names(state([Sample.binding(1), Sample.binding(2)]), state([Sample.binding(1)]), observed())
        == "stage validate install reload probe persist acknowledge")
  }

  @Test func whatDHCPDoesNotSeeReloadsNothing() {
    let applied = state([Sample.binding(1)])
    let desired = state([Sample.binding(1, profile: "rescue")])
    #expect(names(desired, applied, observed(installed: Self.wanted, loaded: Self.wanted)) == "persist acknowledge")
  }

  @Test func aFileThatWasInstalledAndNotLoadedIsLoaded() {
    let applied = state([Sample.binding(1)])
    let desired = state([Sample.binding(1), Sample.binding(2)])
    #expect(
      names(desired, applied, observed(installed: Self.wanted, loaded: Self.old))
        == "reload probe persist acknowledge")
  }

  @Test func aStateThatWasLoadedAndNotRecordedIsRecorded() {
    let desired = state([Sample.binding(1), Sample.binding(2)])
    #expect(
      names(desired, state([Sample.binding(1)]), observed(installed: Self.wanted, loaded: Self.wanted))
        == "persist acknowledge")
  }

  @Test func leasesInTheWayOfWhatIsLoadedAreDeletedInAPause() {
    let desired = state([Sample.binding(1), Sample.binding(2)])
    let seen = observed(installed: Self.wanted, loaded: Self.wanted, leases: [lease(9, at: 2)])
    #expect(names(desired, state([Sample.binding(1)]), seen) == "pause delete-leases resume persist acknowledge")
  }

  @Test func aDaemonThatDiedIsStarted() {
    let applied = state([Sample.binding(1)])
    #expect(
      names(applied, applied, observed(installed: Self.wanted, loaded: nil, isRunning: false))
        == "reload probe persist acknowledge")
  }

  @Test func aLinkThatReturnsIsReloadedAndProbed() {
    let applied = state([Sample.binding(1)])
    #expect(
      names(applied, applied, observed(installed: Self.wanted, loaded: Self.wanted, returned: ["eno2"]))
        == "reload probe persist acknowledge")
    #expect(
      names(applied, applied, observed(installed: Self.wanted, loaded: Self.wanted, returned: ["eno3"]))
        == "persist acknowledge")
  }

  @Test func theLastSubnetGoingOffStopsTheDaemon() {
    #expect(
      names(state([Sample.binding(1)], isOn: false), state([Sample.binding(1)]), observed())
        == "stop survey-leases persist acknowledge")
    #expect(names(.empty, .empty, observed(installed: nil, loaded: nil, isRunning: false)) == "persist acknowledge")
  }

  @Test func aDaemonThatIsDownIsStoppedTooOrItWouldBeStartedAgain() {
    #expect(
      names(state([Sample.binding(1)], isOn: false), state([Sample.binding(1)]), observed(loaded: nil, isRunning: false))
        == "stop survey-leases persist acknowledge")
  }

  @Test func swappedAddressesChangeHandsWhileTheDaemonIsPaused() {
    let applied = state([Sample.binding(1), Sample.binding(2)])
    let desired = state([
      Sample.binding(1, address: Sample.address(2)), Sample.binding(2, address: Sample.address(1)),
    ])
    let steps = plan(desired: desired, applied: applied, observed: observed(leases: [lease(1, at: 1), lease(2, at: 2)]))
    #expect(
      steps.map(\.name).joined(separator: " ")
        == "stage validate install pause delete-leases reload resume probe persist acknowledge")
    let contested = steps.compactMap { if case .deleteLeases(let contested) = $0 { contested } else { nil } }.first
    #expect(
      contested == [
        ContestedAddress(
          place: SubnetAddress(subnet: Sample.hall1, address: Sample.address(1)), owner: Sample.mac(2)),
        ContestedAddress(
          place: SubnetAddress(subnet: Sample.hall1, address: Sample.address(2)), owner: Sample.mac(1)),
      ])
  }

  @Test func aLeaseOnANewNodesAddressIsContested() {
    let desired = state([Sample.binding(1), Sample.binding(2)])
    let applied = state([Sample.binding(1)])
    #expect(
      names(desired, applied, observed(leases: [lease(9, at: 2)]))
        == "stage validate install pause delete-leases reload resume probe persist acknowledge")
    #expect(
      names(desired, applied, observed(leases: [lease(2, at: 2)]))
        == "stage validate install reload probe persist acknowledge")
  }

  @Test func anAddressOutOfTheOldPoolIsContestedBeforeAnybodyHasIt() {
    var header = Sample.header()
    header.pool = .empty
    let desired = RackState(subnets: [Sample.served([Sample.binding(1, address: "10.1.3.5")], header: header)])
    #expect(names(desired, state([]), observed()).contains("pause delete-leases reload resume"))
  }

  @Test func leasesThatOutliveTheirBindingAreLookedFor() {
    let steps = plan(
      desired: state([Sample.binding(1, address: Sample.address(7))]),
      applied: state([Sample.binding(1), Sample.binding(2)]), observed: observed())
    let vacated = steps.compactMap { if case .surveyLeases(let vacated) = $0 { vacated } else { nil } }.first
    #expect(
      vacated?.addresses == [
        VacatedAddress(place: SubnetAddress(subnet: Sample.hall1, address: Sample.address(1)), mac: Sample.mac(1)),
        VacatedAddress(place: SubnetAddress(subnet: Sample.hall1, address: Sample.address(2)), mac: Sample.mac(2)),
      ])
    let reload = steps.firstIndex(of: .reload), survey = steps.firstIndex { $0.name == "survey-leases" }
    // Under the old configuration a lease could still be renewed after it was looked at.
    #expect((reload ?? .max) < (survey ?? .min))
  }

  @Test func leasesInARangeThatLeftThePoolAreLookedFor() {
    let applied = state([Sample.binding(1)])
    let header = Sample.header(pool: "10.1.3.40-10.1.3.49")
    let steps = plan(
      desired: RackState(subnets: [Sample.served([Sample.binding(1)], header: header)]), applied: applied,
      observed: observed())
    let vacated = steps.compactMap { if case .surveyLeases(let vacated) = $0 { vacated } else { nil } }.first
    #expect(vacated?.ranges.map(\.range) == ["10.1.3.0-10.1.3.39", "10.1.3.50-10.1.3.99"])
    // Off is off: the whole pool.
    let off = plan(desired: state([], isOn: false), applied: applied, observed: observed())
    #expect(off.contains(.surveyLeases(AddressMoves(from: applied, to: state([], isOn: false)).vacated)))
    #expect(AddressMoves(from: applied, to: .empty).vacated.ranges.map(\.range) == ["10.1.3.0-10.1.3.99"])
  }

  @Test func aFatDaemonIsRestarted() {
    let applied = state([Sample.binding(1)])
    var observed = observed(installed: Self.wanted, loaded: Self.wanted)
    observed.inspection.memoryBytes = 2 << 30
    observed.memoryMax = 1 << 30
    #expect(names(applied, applied, observed) == "restart probe persist acknowledge")
  }

  @Test func theProbeAsksForWhatChanged() {
    let steps = plan(
      desired: state([Sample.binding(1), Sample.binding(5)]), applied: state([Sample.binding(1)]), observed: observed())
    let targets = steps.compactMap { if case .probe(let targets) = $0 { targets } else { nil } }.first
    #expect(targets?.map(\.mac) == [Sample.mac(5)])
  }

  @Test func aLinkThatIsDownIsNotProbed() {
    var observed = observed()
    observed.linksUp = []
    let steps = plan(desired: state([Sample.binding(1)]), applied: .empty, observed: observed)
    #expect(steps.contains(.probe([])))
  }

  @Test func aRelayedSubnetIsProbedThroughItsRelay() {
    let header = Sample.header(Sample.hall2, prefix: "10.9.0.0/24", pool: nil, gateway: nil, relays: ["10.9.0.1"])
    let subnet = Sample.served([Sample.binding(3, address: "10.9.0.3", in: Sample.hall2)], header: header)
    let steps = plan(desired: RackState(subnets: [subnet]), applied: .empty, observed: observed())
    let targets = steps.compactMap { if case .probe(let targets) = $0 { targets } else { nil } }.first
    #expect(targets?.first?.relay == "10.9.0.1")
    #expect(targets?.first?.attachment.isRelayed == true)
  }
}
