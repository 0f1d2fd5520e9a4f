internal import Logging
internal import Provisioning
internal import Pserv

/// A rack's host: the real agent with its mirror on disk, and the DHCP daemon that outlives it.
final class AgentHost {
  let name: AgentName
  let clock: HostClock
  let daemon: RackDaemon
  private let number: Int
  private let world: World
  private let network: SimulatedNetwork
  private let disk: Disk
  private var random: SplitMix64
  private let links: SimulatedLinks
  private(set) var process: SimulatedProcess?
  private(set) var rack: Rack?
  /// One-time enrolment token, as its operator wrote it to the file.
  var token: String?
  private(set) var starts = 0

  private static let files = ["mirror.db", "mirror.db-wal"]

  /// - Parameter addresses: The host's own, one interface each.
  init(
    name: AgentName, number: Int, addresses: [LinkAddress], world: World, network: SimulatedNetwork, scratch: Scratch,
    oracle: Oracle
  ) throws {
    self.name = name
    self.number = number
    self.world = world
    self.network = network
    clock = HostClock(world)
    random = world.random.fork()
    links = SimulatedLinks(addresses)
    daemon = RackDaemon(name: name.text, world: world, clock: clock, oracle: oracle, random: world.random.fork())
    disk = try Disk(base: "\(scratch.path)/\(name)")
  }

  var route: SimulatedNetwork.Route { SimulatedNetwork.Route(name.text, RegionHost.name) }

  func start() throws {
    guard process == nil else { return }
    starts += 1
    let process = SimulatedProcess(name: name.text, number: number, world: world)
    let draw = Draw(random.fork())
    let time = ProcessClock(process: process, host: clock)
    let log = TraceLog.logger(process)
    let fabrics = Dictionary(uniqueKeysWithValues: links.states.map { ($0.interface, FabricName.default) })
    let rack = Rack(
      name: name, mirror: try Mirror(path: "\(disk.directory)/mirror.db"), links: RackLinks(links.states, fabrics: fabrics),
      time: time, random: { draw.next() }, log: log)
    let driver = DaemonDriver(daemon, process: process, time: time, observations: rack)
    let channel = SimulatedChannel(process, on: name.text, to: RegionHost.address, over: network, keepalive: (.seconds(10), .seconds(5)))
    let token = token
    let pserv = Pserv(
      rack: rack, regions: [RegionEndpoint(name: RegionHost.address, channel: channel)], interfaces: fabrics,
      edges: Pserv.Edges(
        dhcp: driver, loaders: nil, links: ProcessLinks(links: links, process: process), bootFiles: nil,
        token: { token }),
      memoryMax: .max, version: "simulated")
    self.process = process
    self.rack = rack
    network.set(name.text, isUp: true)
    world.note(name.text, "starts, life \(starts)")
    process.start { [world, name] in
      do {
        try await pserv.run(until: { do { try await process.sleep(for: .seconds(1 << 30)) } catch {} }, daemons: .keep)
        if process.isAlive { world.violate(.programsRun, "\(name) ended") }
      } catch {
        if process.isAlive { world.violate(.programsRun, "\(name) ended: \(error)") }
      }
    }
  }

  /// SIGKILL, or the power goes: then the daemon dies too, and nobody tells the peers.
  func kill(isPowerLoss: Bool) throws {
    if isPowerLoss {
      daemon.crash(isPowerLoss: true)
      network.set(name.text, isUp: false)
    }
    guard let process else { return }
    world.note(name.text, isPowerLoss ? "loses power" : "is killed")
    try disk.takeImage(of: Self.files)
    network.abandon(process, silently: isPowerLoss)
    process.kill()
    self.process = nil
    rack = nil
  }

  func set(link index: Int, isUp: Bool) {
    world.note(name.text, "link \(index) is \(isUp ? "up" : "down")")
    links.set(index, isUp: isUp)
  }

  var linkCount: Int { links.states.count }

  /// Whether the machines behind an interface are reached.
  func isUp(towards address: IPv4Address) -> Bool {
    links.states.contains { state in
      state.isUp && state.addresses.contains { $0.address == address }
    }
  }
}

/// The interfaces of a host. Used on the world's thread only.
final class SimulatedLinks: @unchecked Sendable {
  private(set) var states: [LinkState]
  var changed: (() -> Void)?

  init(_ addresses: [LinkAddress]) {
    states = addresses.enumerated().map { LinkState(interface: "eno\($0.offset)", isUp: true, addresses: [$0.element]) }
  }

  func set(_ index: Int, isUp: Bool) {
    guard states[index].isUp != isUp else { return }
    states[index].isUp = isUp
    changed?()
  }
}

/// The same as one life of the agent sees them.
private struct ProcessLinks: LinkSource {
  let links: SimulatedLinks
  let process: SimulatedProcess

  func links(of interfaces: [String]) throws -> [LinkState] {
    links.states.filter { interfaces.contains($0.interface) }
  }

  func watch(_ changed: @escaping @Sendable () -> Void) async throws {
    links.changed = { [process] in process.call(changed) }
    try await process.sleep(for: .seconds(1 << 30))
  }
}
