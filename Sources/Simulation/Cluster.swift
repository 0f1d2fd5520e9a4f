internal import Provisioning

/// A whole Muster on one thread: a region, racks, machines, operators, and everything that goes wrong between them, from
/// one seed.
package struct Cluster {
  /// What a run consists of.
  package struct Plan: Sendable {
    package var subnets = 3
    package var agents = 3
    package var machines = 24
    /// Machines besides that no operator registers.
    package var strangers = 6
    /// How long operators edit and faults happen.
    package var duration: Duration = .seconds(120)
    /// From one edit to the next.
    package var pauses: ClosedRange<Duration> = .milliseconds(5) ... .milliseconds(800)
    package var faults = Fault.allCases
    /// Whether operators drain agents and say which may serve what, so that subnets change hands.
    package var movesSubnets = true
    /// Whether subnets have addresses for machines without a reservation.
    package var hasPools = true

    package init() {}
  }

  /// From the last fault until everything is served as the region has it.
  package static let convergenceMax: Duration = .seconds(180)
  private static let setUpMax: Duration = .seconds(30)

  private let plan: Plan
  private let world: World
  private let network: SimulatedNetwork
  private let region: RegionHost
  private let hosts: [AgentHost]
  private let machines: [Machine]
  private let edits: Operator
  private let auditor: Auditor
  private let faults: Faults
  private let oracle: Oracle
  private let scratch: Scratch

  /// - Parameter listener: Gets every line of the trace.
  package init(seed: UInt64, plan: Plan = Plan(), listener: ((String) -> Void)? = nil) throws {
    self.plan = plan
    let world = World(seed: seed, listener: listener)
    let network = SimulatedNetwork(world)
    let oracle = Oracle(world)
    let scratch = try Scratch()
    let site = Site(subnetCount: plan.subnets, agentCount: plan.agents, agentsPerSubnet: min(2, plan.agents))
    let region = try RegionHost(world: world, network: network, scratch: scratch)
    let hosts = try (0..<plan.agents).map { index in
      try AgentHost(
        name: site.agent(index), number: index + 1, addresses: site.addresses(of: index), world: world,
        network: network, scratch: scratch, oracle: oracle)
    }
    let machines = (0..<plan.machines + plan.strangers).map { index in
      Machine(mac: site.mac(index), subnet: index % plan.subnets, world: world, site: site, hosts: hosts)
    }
    let edits = Operator(
      world: world, site: site, network: network, region: region, hosts: hosts,
      machines: Array(machines[..<plan.machines]), strangers: Array(machines[plan.machines...]), oracle: oracle,
      plan: plan)
    auditor = Auditor(world: world, network: network, region: region, hosts: hosts)
    faults = Faults(world: world, network: network, region: region, hosts: hosts, edits: edits, kinds: plan.faults)
    (self.world, self.network, self.region, self.hosts, self.machines) = (world, network, region, hosts, machines)
    (self.edits, self.oracle, self.scratch) = (edits, oracle, scratch)
  }

  /// Runs from the first start to convergence, or to the first broken promise. Once.
  package func run() throws -> Report {
    try region.start()
    edits.start()
    auditor.start()
    if !world.run(until: Self.setUpMax, { edits.isReady }) { world.violate(.convergence, "the setup does not end") }
    for machine in machines { cycle(machine) }
    faults.begin()
    _ = world.run(until: world.now + plan.duration) { false }
    try settle()
    let report = Report(
      seed: world.seed, hash: world.trace.hash, lines: world.trace.count, steps: world.steps, time: world.now,
      violations: world.violations, tail: world.trace.tail, acknowledged: edits.ledger.acknowledged,
      refused: edits.ledger.refused, lost: edits.ledger.lost, faults: faults.count, grants: oracle.grantCount)
    try tearDown()
    return report
  }

  /// Turns a machine on, and off again, for as long as the run lasts.
  private func cycle(_ machine: Machine) {
    machine.powerOn()
    world.after(world.random.duration(Self.onFor)) {
      machine.powerOff()
      world.after(world.random.duration(Self.offFor)) { cycle(machine) }
    }
  }

  private static let onFor: ClosedRange<Duration> = .seconds(10) ... .seconds(120)
  private static let offFor: ClosedRange<Duration> = .seconds(1) ... .seconds(30)

  private func settle() throws {
    guard world.violations.isEmpty else { return }
    edits.mayEdit = false
    // Who enlists now would be a node after the last look.
    for machine in machines { machine.mayBoot = false }
    try faults.end()
    let limit = world.now + Self.convergenceMax
    _ = world.run(until: limit) { edits.isIdle }
    edits.finish()
    _ = world.run(until: limit) { edits.isTidy }
    let tidied = world.now
    let isDone = world.run(until: limit) { edits.isTidy && auditor.looked > tidied && auditor.obstacle == nil }
    guard world.violations.isEmpty else { return }
    guard isDone else {
      return world.violate(.convergence, auditor.obstacle ?? "the operator waits for an answer")
    }
    edits.mayVerify = true
    if !world.run(until: world.now + Self.setUpMax, { edits.isFinished }) {
      world.violate(.convergence, "the operator waits for an answer")
    }
    // The operator's last look took a while, in which machines went on.
    _ = world.run(until: world.now + Self.setUpMax) { auditor.obstacle == nil && auditor.looked > world.now - .milliseconds(1) }
    guard world.violations.isEmpty else { return }
    edits.checkService()
  }

  /// Ends every task, so that nothing of this run outlives it.
  private func tearDown() throws {
    edits.process.kill()
    auditor.process.kill()
    for host in hosts { try host.kill(isPowerLoss: true) }
    try region.kill(isPowerLoss: true)
    world.end()
    scratch.remove()
  }
}
