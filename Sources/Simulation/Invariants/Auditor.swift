internal import Provisioning
internal import Pserv
internal import Store

/// Looks at the region's store and the agents' mirrors every second, and says whether they agree. Nothing happens to it;
/// it sees what no operator could. Used on the world's thread only.
final class Auditor: @unchecked Sendable {
  let process: SimulatedProcess
  /// Why the cluster has not converged as of the last look; nil once it has.
  private(set) var obstacle: String? = "not looked yet"
  /// The time of the last look.
  private(set) var looked: Duration = .zero
  private let world: World
  private let network: SimulatedNetwork
  private let region: RegionHost
  private let hosts: [AgentHost]
  private var rows: [DHCPSubnetID: SubnetRow] = [:]
  private var applied: [AgentName: [DHCPSubnetID: AppliedSubnet]] = [:]

  static let interval: Duration = .milliseconds(500)

  init(world: World, network: SimulatedNetwork, region: RegionHost, hosts: [AgentHost]) {
    self.world = world
    self.network = network
    self.region = region
    self.hosts = hosts
    process = SimulatedProcess(name: "auditor", number: 1_001, world: world)
  }

  func start() {
    process.start { [self] in
      do {
        while true {
          try await process.sleep(for: Self.interval)
          await look()
        }
      } catch {
        // Cancelled: the run is over.
      }
    }
  }

  private func look() async {
    for host in hosts { lookAtMirror(of: host) }
    if network.octetsUnderWay > SimulatedNetwork.octetsUnderWayMax {
      world.violate(.queuesAreBounded, "\(network.octetsUnderWay) octets are under way on one connection")
    }
    obstacle = await disagreement()
    looked = world.now
  }

  // MARK: What only grows

  private func lookAtMirror(of host: AgentHost) {
    guard let rack = host.rack else { return }
    let content = rack.mirror.content
    for (id, mirrored) in content.subnets.sorted(by: { $0.key < $1.key }) {
      guard let now = mirrored.applied else { continue }
      if let before = applied[host.name]?[id], before.incarnation == now.incarnation,
        before.subnet.epoch == now.subnet.epoch, before.subnet.generation > now.subnet.generation
      {
        world.violate(
          .appliedOnlyGrows,
          "\(host.name) had applied \(before.subnet.generation) of \(mirrored.name), now \(now.subnet.generation)")
      }
      applied[host.name, default: [:]][id] = now
    }
    if content.spooled > Mirror.spoolMax {
      world.violate(.queuesAreBounded, "\(host.name) spools \(content.spooled) enlistments")
    }
  }

  private func check(_ row: SubnetRow) {
    let id = row.subnet.dhcpID
    if let before = rows[id] {
      let name = row.subnet.name
      let (old, new) = (before.progress, row.progress)
      if new.epoch < old.epoch || new.head < old.head {
        world.violate(
          .acknowledgedSurvives, "\(name) went from \(old.epoch).\(old.head) back to \(new.epoch).\(new.head)")
      }
      if new.epoch == old.epoch, new.applied < old.applied {
        world.violate(.appliedOnlyGrows, "\(name) was applied at \(old.applied), now \(new.applied)")
      }
    }
    rows[id] = row
  }

  // MARK: Convergence

  private func disagreement() async -> String? {
    guard let store = region.store, region.process?.state == .running else { return "the region is down" }
    let read: [SubnetRow]
    do { read = try await store.read { try $0.subnets(limit: 1_000).items } } catch { return "\(error)" }
    // It may have died meanwhile; then this is what its last life saw.
    guard region.store === store else { return "the region restarted" }
    for row in read { check(row) }
    for host in hosts {
      guard let spooled = host.rack?.mirror.content.spooled else { return "\(host.name) is down" }
      if spooled > 0 { return "\(host.name) has \(spooled) enlistments to tell" }
      if host.daemon.memory.snapshot.isPaused { return "\(host.name)'s daemon is paused" }
    }
    for row in read {
      if let words = disagreement(on: row) { return "\(row.subnet.name): \(words)" }
    }
    return nil
  }

  private func disagreement(on row: SubnetRow) -> String? {
    let progress = row.progress
    guard let owner = progress.owner else { return "nobody owns it" }
    guard progress.applied == progress.head else { return "\(owner) applied \(progress.applied) of \(progress.head)" }
    guard progress.appliedDigest == progress.digest else { return "the digests differ at \(progress.head)" }
    if let trouble = progress.trouble { return "trouble: \(trouble)" }
    guard let host = hosts.first(where: { $0.name == owner }), let rack = host.rack else { return "\(owner) is down" }
    guard let mirrored = rack.mirror.content.subnets[row.subnet.dhcpID], let applied = mirrored.applied else {
      return "\(owner) has no mirror of it"
    }
    guard applied.digest == progress.digest, applied.subnet.epoch == progress.epoch else {
      return "\(owner) has applied \(applied.subnet.epoch).\(applied.subnet.generation), "
        + "the region says \(progress.epoch).\(progress.head)"
    }
    guard row.subnet.spec.isDHCPOn else { return nil }
    guard let served = host.daemon.answering.first(where: { $0.dhcpID == row.subnet.dhcpID }) else {
      return "\(owner)'s daemon does not answer for it"
    }
    // What machines boot is not the daemon's business, and does not reload it.
    let memory = host.daemon.memory
    guard memory.fingerprint(of: RackState(subnets: [served])) == memory.fingerprint(of: RackState(subnets: [applied.subnet]))
    else {
      return "\(owner)'s daemon serves other rows than were applied"
    }
    return nil
  }
}
