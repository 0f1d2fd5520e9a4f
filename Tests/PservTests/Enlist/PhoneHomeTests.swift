import Provisioning
import Testing
import Wire

@testable import Pserv

/// What a phone-home brings about, with the region gone.
struct PhoneHomeTests {
  private let bench: ApplyBench
  private let once = BootOnce(profile: "rescue", token: 11)

  init() throws {
    bench = try ApplyBench()
  }

  private func rack() throws -> Rack {
    let applier = try bench.applier()
    _ = applier
    return Rack(
      name: "rack1", mirror: bench.mirror, links: Sample.links, time: bench.time, random: { UInt64.random(in: 0 ... .max) },
      log: Sample.log)
  }

  private func served(_ bindings: [Binding]) async throws {
    try bench.put(bindings)
    _ = await (try bench.applier()).apply(links: Sample.links)
  }

  private func report(_ number: Int, from address: IPv4Address = "10.1.3.7") -> MachineReport {
    MachineReport(macs: [Sample.mac(number), Sample.mac(number + 1000)], address: address, serial: "S\(number)")
  }

  private func profile(_ rack: Rack, _ number: Int) -> ProfileName? {
    if case .known(let machine) = rack.view.answer(to: Sample.mac(number), at: Sample.agent) { machine.profileName } else { nil }
  }

  /// The machine asks for its script.
  private func askScript(_ rack: Rack, _ number: Int) throws {
    guard case .known(let machine) = rack.view.answer(to: Sample.mac(number), at: Sample.agent) else { return }
    if let once = machine.once { try rack.willServe(once) }
  }

  @Test func aNodeBootsOnceAndFallsBackForGood() async throws {
    try await served([Sample.binding(2)])
    try await served([Sample.binding(2, once: once)])
    var rack = try rack()
    #expect(profile(rack, 2) == "rescue")
    try askScript(rack, 2)
    // Between script and phone-home the agent may die.
    rack = try self.rack()
    #expect(profile(rack, 2) == "rescue")
    #expect(try await rack.phoneHome(report(2), at: Sample.agent) == .known("n2", next: .local))
    #expect(profile(rack, 2) == .local)
    // Across a restart of the agent, the region still gone.
    rack = try self.rack()
    #expect(profile(rack, 2) == .local)
    // An edit for another reason does not bring the order back; a new order does.
    try await served([Sample.binding(2, address: "10.1.0.99", once: once)])
    rack = try self.rack()
    #expect(profile(rack, 2) == .local)
    try await served([Sample.binding(2, once: BootOnce(profile: "rescue", token: 12))])
    rack = try self.rack()
    #expect(profile(rack, 2) == "rescue")
  }

  /// The system that the machine runs already, or somebody who knows its MAC, phones home.
  @Test func aPhoneHomeBeforeTheScriptWasAskedForUsesUpNothing() async throws {
    try await served([Sample.binding(2)])
    try await served([Sample.binding(2, once: once)])
    let rack = try rack()
    for _ in 0..<2 {
      #expect(try await rack.phoneHome(report(2), at: Sample.agent) == .known("n2", next: "rescue"))
      #expect(profile(rack, 2) == "rescue")
    }
    let told = try #require(rack.change { $0.outbox.observations.next { _ in [] } })
    #expect(told.boots.allSatisfy { $0.bootOnceSerial == 0 })
    try askScript(rack, 2)
    // Another order since then: its script was not asked for.
    try await served([Sample.binding(2, once: BootOnce(profile: "rescue", token: 12))])
    let later = try self.rack()
    #expect(try await later.phoneHome(report(2), at: Sample.agent) == .known("n2", next: "rescue"))
    try askScript(later, 2)
    #expect(try await later.phoneHome(report(2), at: Sample.agent) == .known("n2", next: .local))
  }

  @Test func aPhoneHomeIsReportedWithTheOrderItUsedUp() async throws {
    try await served([Sample.binding(2)])
    try await served([Sample.binding(2, once: once)])
    let rack = try rack()
    try askScript(rack, 2)
    _ = try await rack.phoneHome(report(2), at: Sample.agent)
    _ = try await rack.phoneHome(report(2), at: Sample.agent)
    let message = try #require(rack.change { $0.outbox.observations.next { _ in [] } })
    #expect(message.boots.map(\.bootOnceSerial) == [11, 0])
    #expect(message.boots.allSatisfy { $0.stage == UInt32(BootStage.phoneHome.rawValue) })
  }

  @Test func anUnknownMachineIsSpooledOnce() async throws {
    try await served([Sample.binding(2)])
    let rack = try rack()
    #expect(try await rack.phoneHome(report(7), at: Sample.agent) == .enlisted)
    #expect(try await rack.phoneHome(report(7), at: Sample.agent) == .enlisted)
    let spooled = try bench.mirror.spooledEnlistments(limit: 10, excluding: [])
    #expect(spooled.map(\.report) == [report(7)])
    #expect(spooled.map(\.dhcpID) == [Sample.hall1])
    #expect(spooled[0].id.count == 16)
  }

  @Test func anUnknownMachineBootsTheEnlistProfileAndNothingElse() async throws {
    try await served([Sample.binding(2)])
    guard case .unknown(let profile, let place) = try rack().view.answer(to: Sample.mac(7), at: Sample.agent) else {
      return #expect(Bool(false))
    }
    #expect(profile.name == .enlist)
    #expect(place.subnet == "hall1")
  }

  @Test func aNodeInQuarantineIsNoStranger() async throws {
    try await served([Sample.binding(2), Sample.binding(3, address: "10.1.3.50", profile: "rescue")])
    let rack = try rack()
    #expect(profile(rack, 3) == .local)
    #expect(try await rack.phoneHome(report(3), at: Sample.agent) == .known("n3", next: .local))
    #expect(bench.mirror.content.spooled == 0)
  }

  @Test func aCallAtAnAddressThatIsNotServedIsTurnedAway() async throws {
    try await served([Sample.binding(2)])
    let rack = try rack()
    #expect(try await rack.phoneHome(report(7), at: "192.168.7.1") == .notServed)
    #expect(rack.view.answer(to: Sample.mac(7), at: "192.168.7.1") == .notServed)
    #expect(rack.view.agentAddresses == [Sample.agent])
  }

  @Test func aLinkMayEnlistSoManyAndThenOneASecond() async throws {
    try await served([Sample.binding(2)])
    let rack = try rack()
    for number in 0..<EnlistmentMeter.burst {
      #expect(try await rack.phoneHome(report(2000 + number), at: Sample.agent) == .enlisted)
    }
    #expect(try await rack.phoneHome(report(9000), at: Sample.agent) == .busy(retryAfter: EnlistmentMeter.interval))
    bench.time.advance(.seconds(2))
    #expect(try await rack.phoneHome(report(9000), at: Sample.agent) == .enlisted)
    #expect(try await rack.phoneHome(report(9001), at: Sample.agent) == .enlisted)
    #expect(try await rack.phoneHome(report(9002), at: Sample.agent) == .busy(retryAfter: .seconds(1)))
    // Known machines are not held up by unknown ones.
    #expect(try await rack.phoneHome(report(2), at: Sample.agent) == .known("n2", next: .local))
  }
}
