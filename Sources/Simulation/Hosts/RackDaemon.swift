internal import Provisioning
internal import Pserv

/// The DHCP daemon of one host and its files: a `MemoryDHCP` in virtual time. Like a real Kea it goes on when the agent
/// dies, keeps its leases, and comes back with the configuration that was renamed last. Used on the world's thread only.
final class RackDaemon: @unchecked Sendable {
  let name: String
  let memory = MemoryDHCP()
  private let world: World
  private let clock: HostClock
  private let oracle: Oracle
  private var random: SplitMix64
  private var pauses = 0
  /// Whether a supervisor would start it when it is down.
  private(set) var isWanted = false
  /// How often a call of the agent's fails: once in so many; nil for never.
  var failsOneIn: Int?

  init(name: String, world: World, clock: HostClock, oracle: Oracle, random: SplitMix64) {
    self.name = name
    self.world = world
    self.clock = clock
    self.oracle = oracle
    self.random = random
    oracle.watch(self)
  }

  var isRunning: Bool { memory.snapshot.isRunning }

  /// The subnets it answers for now; a pause is not the end of answering.
  var answering: [ServedSubnet] {
    let state = memory.snapshot
    return state.isRunning ? state.loaded?.answering ?? [] : []
  }

  /// Its host's wall clock, by which it judges leases.
  var wall: Timestamp { clock.wall }

  // MARK: The agent's calls

  /// How long a call takes; a reload is silence.
  func time(for call: MemoryDHCP.Call) -> Duration {
    switch call {
    case .inspect, .pause, .resume, .delete, .adopt, .leases: random.duration(.milliseconds(1) ... .milliseconds(10))
    case .stage, .install: random.duration(.milliseconds(1) ... .milliseconds(20))
    case .validate, .validateStaged, .rehearse: random.duration(.milliseconds(30) ... .milliseconds(120))
    case .reload, .restart, .restore, .stop: random.duration(.milliseconds(60) ... .milliseconds(500))
    case .probe: random.duration(.milliseconds(1) ... .milliseconds(50))
    case .foreignServer: random.duration(.milliseconds(100) ... .seconds(1))
    }
  }

  func fails() -> Bool { failsOneIn.map { random.oneIn($0) } ?? false }

  /// Before the memory daemon reads its clock.
  func tick() {
    let now = clock.wall
    memory.change { $0.now = now }
  }

  /// After a call that may have changed what is answered.
  func called(_ call: MemoryDHCP.Call) {
    memory.change { $0.calls = [] }
    switch call {
    case .reload, .restart: isWanted = true
    case .restore: isWanted = isRunning
    case .stop: isWanted = false
    case .pause: limitPause()
    case .resume: pauses += 1
    default: return
    }
    world.note(name, "dhcp \(call.rawValue): \(summary)")
    oracle.look()
  }

  /// It was told of leases that others gave.
  func adopted(_ leases: [Lease]) {
    oracle.adopted(leases, by: self)
  }

  private var summary: String {
    let served = answering.map { "\($0.header.name)@\($0.epoch).\($0.generation)" }.joined(separator: " ")
    return isRunning ? "answers [\(served)]" : "down"
  }

  /// Kea ends a pause by itself.
  private func limitPause() {
    pauses += 1
    let this = pauses
    world.after(DHCPLimits.pauseMax) { [weak self] in
      guard let self, pauses == this else { return }
      memory.change { $0.isPaused = false }
    }
  }

  // MARK: Life

  /// The daemon dies. Its files stay.
  func crash(isPowerLoss: Bool) {
    // Nor does a supervisor that started it again survive.
    if isPowerLoss { isWanted = false }
    guard isRunning else { return }
    memory.change { ($0.isRunning, $0.loaded, $0.isPaused, $0.isDeaf) = (false, nil, false, false) }
    world.note(name, "dhcp dies")
    oracle.look()
  }

  // MARK: Machines

  /// DISCOVER to ACK, as one exchange.
  ///
  /// - Parameter own: The address of the daemon's host on the machine's link.
  /// - Returns: The address and how long it is the machine's; nil is silence.
  func exchange(
    _ mac: MACAddress, at own: IPv4Address, requesting requested: IPv4Address?
  ) -> (address: IPv4Address, lease: Duration)? {
    guard let subnet = answering.first(where: { $0.attachment?.agentAddress == own }) else { return nil }
    tick()
    guard let address = memory.exchange(mac, in: subnet.dhcpID, requesting: requested) else { return nil }
    let lease = Duration.seconds(Int64(subnet.header.leaseSeconds))
    oracle.granted(SubnetAddress(subnet: subnet.dhcpID, address: address), to: mac, for: lease, by: self)
    return (address, lease)
  }
}
