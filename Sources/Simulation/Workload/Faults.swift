internal import Provisioning

/// What may go wrong.
package enum Fault: String, Sendable, Hashable, CaseIterable {
  case agentKilled, agentLosesPower, agentStopped, agentCut, connectionBroken, agentClockJumps, linkDown, daemonDies
  case daemonFails, regionKilled, regionLosesPower, regionStopped, regionClockJumps, diskSlow
}

/// When it goes wrong: draws faults, and ends each again after a while.
final class Faults {
  private let world: World
  private let network: SimulatedNetwork
  private let region: RegionHost
  private let hosts: [AgentHost]
  private let edits: Operator
  private let kinds: [Fault]
  private var random: SplitMix64
  private var isOver = false
  private(set) var count = 0

  static let pauses: ClosedRange<Duration> = .milliseconds(500) ... .seconds(8)

  init(
    world: World, network: SimulatedNetwork, region: RegionHost, hosts: [AgentHost], edits: Operator, kinds: [Fault]
  ) {
    self.world = world
    self.network = network
    self.region = region
    self.hosts = hosts
    self.edits = edits
    self.kinds = kinds
    random = world.random.fork()
  }

  func begin() {
    guard !kinds.isEmpty else { return }
    world.after(random.duration(Self.pauses)) { [self] in
      guard !isOver else { return }
      happen(kinds[Int.random(in: 0..<kinds.count, using: &random)])
      begin()
    }
  }

  /// Everything is repaired.
  func end() throws {
    isOver = true
    world.note("world", "faults cease")
    network.healAll()
    edits.disturbances += 1
    region.diskDelay = RegionHost.diskDelayUsual
    region.clock.skew = .zero
    region.process?.resume()
    try region.start()
    for host in hosts {
      host.clock.skew = .zero
      host.daemon.failsOneIn = nil
      for link in 0..<host.linkCount { host.set(link: link, isUp: true) }
      host.process?.resume()
      try host.start()
    }
  }

  private func happen(_ kind: Fault) {
    count += 1
    let host = hosts[Int.random(in: 0..<hosts.count, using: &random)]
    switch kind {
    case .agentKilled: kill(host, isPowerLoss: false, for: .milliseconds(10) ... .seconds(15))
    case .agentLosesPower: kill(host, isPowerLoss: true, for: .seconds(2) ... .seconds(40))
    case .agentStopped:
      guard let process = host.process else { return }
      world.note(host.name.text, "is stopped")
      process.stop()
      later(.milliseconds(10) ... .seconds(40)) { [world] in
        world.note(host.name.text, "goes on")
        process.resume()
      }
    case .agentCut:
      world.note(host.name.text, "is cut off")
      network.cut(host.route)
      later(.milliseconds(100) ... .seconds(90)) { [self] in
        world.note(host.name.text, "is reached again")
        network.heal(host.route)
      }
    case .connectionBroken:
      if network.breakConnection(on: host.route) { world.note(host.name.text, "loses its connection") }
    case .agentClockJumps: jump(host.clock, host.name.text)
    case .linkDown:
      let link = Int.random(in: 0..<host.linkCount, using: &random)
      host.set(link: link, isUp: false)
      later(.milliseconds(100) ... .seconds(20)) { host.set(link: link, isUp: true) }
    case .daemonDies: host.daemon.crash(isPowerLoss: false)
    case .daemonFails:
      host.daemon.failsOneIn = Int.random(in: 3...20, using: &random)
      later(.seconds(1) ... .seconds(20)) { host.daemon.failsOneIn = nil }
    case .regionKilled: killRegion(isPowerLoss: false, for: .milliseconds(10) ... .seconds(10))
    case .regionLosesPower: killRegion(isPowerLoss: true, for: .seconds(2) ... .seconds(30))
    case .regionStopped:
      guard let process = region.process else { return }
      world.note(RegionHost.name, "is stopped")
      edits.disturbances += 1
      process.stop()
      later(.milliseconds(10) ... .seconds(12)) { [self] in
        world.note(RegionHost.name, "goes on")
        edits.disturbances += 1
        process.resume()
      }
    case .regionClockJumps:
      // While no region runs, nobody can tell it from time that passed: see the decision `WhatIsReal`.
      if region.process?.state == .running { jump(region.clock, RegionHost.name) }
    case .diskSlow:
      world.note(RegionHost.name, "has a slow disk")
      edits.disturbances += 1
      region.diskDelay = .milliseconds(20) ... .milliseconds(900)
      later(.milliseconds(100) ... .seconds(10)) { [self] in
        region.diskDelay = RegionHost.diskDelayUsual
        edits.disturbances += 1
      }
    }
  }

  /// A repair; after the end of all faults it is done already.
  private func later(_ delay: ClosedRange<Duration>, _ action: @escaping () -> Void) {
    world.after(random.duration(delay)) { [self] in
      if !isOver { action() }
    }
  }

  private func jump(_ clock: HostClock, _ name: String) {
    clock.skew = random.duration(.seconds(-40) ... .seconds(40))
    world.note(name, "has its wall clock off by \(clock.skew)")
  }

  private func kill(_ host: AgentHost, isPowerLoss: Bool, for time: ClosedRange<Duration>) {
    attempt { try host.kill(isPowerLoss: isPowerLoss) }
    later(time) { [self] in attempt { try host.start() } }
  }

  private func killRegion(isPowerLoss: Bool, for time: ClosedRange<Duration>) {
    edits.disturbances += 1
    attempt { try region.kill(isPowerLoss: isPowerLoss) }
    later(time) { [self] in
      edits.disturbances += 1
      attempt { try region.start() }
    }
  }

  private func attempt(_ body: () throws -> Void) {
    do { try body() } catch { world.violate(.programsRun, "\(error)") }
  }
}
