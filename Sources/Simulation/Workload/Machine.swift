internal import Provisioning
internal import Pserv

/// A machine with one interface, as a DHCP client of RFC 2131 §4.4: it asks, renews at half its lease with who gave it,
/// asks everybody at seven eighths, and stops using the address when the lease is over.
final class Machine {
  let mac: MACAddress
  /// The link it is plugged into.
  private(set) var subnet: Int
  private(set) var address: IPv4Address?
  private let world: World
  private let site: Site
  private let hosts: [AgentHost]
  private var random: SplitMix64
  private var server: Int?
  private var until: Duration = .zero
  private var lease: Duration = .zero
  private var isOn = false
  /// Whether it boots over the network when it has an address.
  var mayBoot = true
  /// Orders to boot once that a phone-home ended.
  private var usedUp: Set<UInt64> = []
  /// An agent said that it has this machine's enlistment.
  private(set) var isEnlisted = false
  /// Counts changes of mind: what an earlier one scheduled is void.
  private var turn = 0

  /// From one unanswered question to the next.
  static let retry: ClosedRange<Duration> = .seconds(2) ... .seconds(10)

  init(mac: MACAddress, subnet: Int, world: World, site: Site, hosts: [AgentHost]) {
    self.mac = mac
    self.subnet = subnet
    self.world = world
    self.site = site
    self.hosts = hosts
    random = world.random.fork()
  }

  /// One time in so many that a machine with an address boots over the network and phones home.
  static let bootsOneIn = 2

  func powerOn() {
    guard !isOn else { return }
    isOn = true
    // A machine remembers its address over a power cycle (RFC 2131 §3.2), not to whom it owes it.
    server = nil
    ask(in: random.duration(.milliseconds(1) ... .seconds(3)))
  }

  /// Without a RELEASE, as machines do.
  func powerOff() {
    isOn = false
    turn += 1
  }

  func plug(into subnet: Int) {
    guard subnet != self.subnet else { return }
    self.subnet = subnet
    (address, server) = (nil, nil)
    if isOn { ask(in: random.duration(.milliseconds(100) ... .seconds(3))) }
  }

  private func ask(in delay: Duration) {
    turn += 1
    let this = turn
    world.after(delay) { [weak self] in
      guard let self, turn == this, isOn else { return }
      ask()
    }
  }

  private func ask() {
    if world.now >= until { server = nil }
    let candidates = server.map { isRebinding ? site.agents(on: subnet) : [$0] } ?? site.agents(on: subnet)
    for index in candidates.shuffled(using: &random) {
      let own = site.agentAddress(index, on: subnet)
      guard hosts[index].isUp(towards: own),
        let answer = hosts[index].daemon.exchange(mac, at: own, requesting: address)
      else { continue }
      (address, lease, until, server) = (answer.address, answer.lease, world.now + answer.lease, index)
      if mayBoot, random.oneIn(Self.bootsOneIn) { boot(from: hosts[index], at: own) }
      return ask(in: lease / 2)
    }
    if world.now >= until { address = nil }
    ask(in: random.duration(Self.retry))
  }

  /// What the machine would get if it came up now; `nil` is silence.
  func askAgain() -> IPv4Address? {
    (until, server) = (.zero, nil)
    ask()
    return address
  }

  private var isRebinding: Bool { until - world.now <= lease / 8 }

  /// Asks for its script, boots it, and phones home, as the agent's HTTP edge would do for it.
  private func boot(from host: AgentHost, at own: IPv4Address) {
    guard let rack = host.rack, let process = host.process, process.state == .running, let address else { return }
    let mac = mac
    var order: BootOnceUse?
    if case .known(let machine) = rack.view.answer(to: mac, at: own), let once = machine.once {
      order = once
      if usedUp.contains(once.token) {
        world.violate(.bootsOnce, "\(mac) boots \(machine.profileName) from \(host.name) after it had phoned home")
      }
    }
    let (told, script) = (Told(), order)
    let report = MachineReport(macs: [mac], address: address, serial: "S\(mac.bits)")
    process.run {
      do {
        if let script { try rack.willServe(script) }
        told.outcome = try await rack.phoneHome(report, at: own)
      } catch {
        // Without a script, or an answer, it tries again when it asks for its address again.
      }
    } ended: { [self] in
      switch told.outcome {
      case .known: if let order { usedUp.insert(order.token) }
      case .enlisted: isEnlisted = true
      case .busy, .notServed, nil: break
      }
    }
  }

  private final class Told: @unchecked Sendable {
    var outcome: PhoneHomeOutcome?
  }
}
