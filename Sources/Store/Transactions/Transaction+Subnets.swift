package import Provisioning

/// How a write to a subnet ended.
package struct SubnetWriteResult: Hashable, Sendable {
  package var outcome: WriteOutcome
  /// The subnet as it is now; as it last was after a removal.
  package var row: SubnetRow
  /// What to wait for; empty if its agent sees no difference.
  package var generations: [SubnetGeneration]
}

extension Transaction {
  /// Adds a subnet, without an owner: `assign` gives it one. It begins with the leases that machines still have from a
  /// removed subnet with the same addresses: those are as good as held, and its owner is told of them. Agents that it
  /// names have to exist.
  ///
  /// - Throws: `Refusal.subnetExists`, `Refusal.invalid` (`PREFIX_OVERLAP`), `Refusal.limitReached`.
  package mutating func createSubnet(_ spec: SubnetSpec, by actor: Actor) throws -> SubnetWriteResult {
    guard try tables.subnet(named: spec.name) == nil else { throw Refusal.subnetExists(spec.name) }
    var problems = Problems()
    spec.check(&problems)
    try checkOverlap(spec, &problems)
    try checkAgentsExist(spec, &problems)
    try checkAgents(spec, &problems)
    if !problems.isEmpty { throw Refusal.invalid(problems.list) }
    guard try tables.subnetCount() < StoreLimits.subnetsMax, let dhcpID = try tables.takeDHCPSubnetID() else {
      throw Refusal.limitReached(what: "subnets", max: StoreLimits.subnetsMax)
    }
    let subnet = Subnet(
      id: identifier(), dhcpID: dhcpID, spec: spec, revision: Revision(1), created: now, updated: now,
      updatedBy: actor)
    var row = SubnetRow(
      subnet: subnet, progress: SubnetProgress(changedAt: now), headerHash: RowHash(subnet.header))
    row.progress.digest.insert(row.headerHash)
    let generation = advance(&row)
    row.progress.headerGeneration = generation
    try tables.insertSubnet(row)
    try tables.reviveLeases(in: spec.fabric, spec.prefix.range, to: dhcpID, now: leaseNow)
    try keep(row, at: generation)
    notice.progress.insert(dhcpID)
    return SubnetWriteResult(outcome: .added, row: row, generations: [self.generation(row, generation)])
  }

  /// Replaces what the operator decided about a subnet. Name, fabric and prefix stay.
  ///
  /// - Parameters:
  ///   - force: Let the pool cover addresses that are still held.
  ///   - reaffirm: Take a generation although nothing changes, so that the owner looks again.
  /// - Throws: `Refusal`; nothing is written.
  package mutating func replaceSubnet(
    _ name: SubnetName, with spec: SubnetSpec, ifRevision: Revision? = nil, force: Bool = false, reaffirm: Bool = false,
    by actor: Actor
  ) throws -> SubnetWriteResult {
    guard var row = try tables.subnet(named: name) else { throw Refusal.unknownSubnet(name.text) }
    try checkRevision(row.subnet, ifRevision)
    guard reaffirm || spec != row.subnet.spec else { return SubnetWriteResult(outcome: .unchanged, row: row, generations: []) }
    var problems = Problems()
    checkImmutable(row.subnet.spec, spec, &problems)
    if problems.isEmpty {
      spec.check(&problems)
      try checkReservations(row, spec, force: force, &problems)
      try checkAgentsExist(spec, besides: row.subnet.spec.agents, &problems)
      if spec.pool != row.subnet.spec.pool { try checkAgents(spec, &problems) }
    }
    if !problems.isEmpty { throw Refusal.invalid(problems.list) }
    let header = row.subnet.header
    let pool = row.subnet.spec.pool
    row.subnet.spec = spec
    row.subnet.revision = row.subnet.revision.next
    row.subnet.updated = max(now, row.subnet.updated)
    row.subnet.updatedBy = actor
    row.autoCursor = nil
    guard reaffirm || row.subnet.header != header else {
      try tables.updateSubnet(row)
      notice.progress.insert(row.subnet.dhcpID)
      return SubnetWriteResult(outcome: .updated, row: row, generations: [])
    }
    let generation = advance(&row)
    row.progress.headerGeneration = generation
    row.progress.digest.remove(row.headerHash)
    row.headerHash = RowHash(row.subnet.header)
    row.progress.digest.insert(row.headerHash)
    try retire(pool.subtracting(spec.pool), of: &row, at: generation)
    try tables.updateSubnet(row)
    try keep(row, at: generation)
    return SubnetWriteResult(outcome: .updated, row: row, generations: [self.generation(row, generation)])
  }

  /// Removes a subnet without nodes, with everything observed in it but the leases that machines still have. Its number is
  /// never used again, its prefix not before its owner confirmed with `confirmRelease` that it stopped.
  ///
  /// - Throws: `Refusal.subnetHasNodes`.
  package mutating func removeSubnet(
    _ name: SubnetName, ifRevision: Revision? = nil
  ) throws -> SubnetWriteResult {
    guard let row = try tables.subnet(named: name) else { throw Refusal.unknownSubnet(name.text) }
    try checkRevision(row.subnet, ifRevision)
    guard row.progress.bindings == 0 else { throw Refusal.subnetHasNodes(name, count: row.progress.bindings) }
    let dhcpID = row.subnet.dhcpID
    try tables.deleteBindings(dhcpID)
    try retireLeases(of: row)
    try tables.setRejections([], dhcpID)
    try tables.deleteSubnet(dhcpID)
    if let owner = row.progress.owner {
      try tables.insertRetired(
        RetiredSubnet(
          dhcpID: dhcpID, name: name, fabric: row.subnet.spec.fabric, prefix: row.subnet.prefix, owner: owner))
    }
    generations[dhcpID] = nil
    notice.heads[dhcpID] = nil
    notice.progress.insert(dhcpID)
    if let owner = row.progress.owner { notice.assignments.insert(owner) }
    return SubnetWriteResult(outcome: .removed, row: row, generations: [])
  }

  private func generation(_ row: SubnetRow, _ generation: Generation) -> SubnetGeneration {
    SubnetGeneration(subnet: row.subnet.name, dhcpID: row.subnet.dhcpID, generation: generation)
  }

  private func checkRevision(_ subnet: Subnet, _ read: Revision?) throws {
    guard let read, read != subnet.revision else { return }
    throw Refusal.stale(
      what: "subnet \(subnet.name)", read: read, now: subnet.revision, by: subnet.updatedBy, at: subnet.updated)
  }

  /// Prefixes of a fabric are disjoint, so the only one that can overlap is the last that begins
  /// before the new one's end.
  private func checkOverlap(_ spec: SubnetSpec, _ problems: inout Problems) throws {
    let end = spec.prefix.broadcast
    if let other = try tables.lastSubnet(in: spec.fabric, from: end), other.prefix.overlaps(spec.prefix) {
      problems.add(
        "prefix", "\(spec.prefix)", .prefixOverlap, "overlaps \(other.name) (\(other.prefix))",
        fix: "choose another prefix or another fabric")
    } else if let old = try tables.lastRetired(in: spec.fabric, from: end), old.prefix.overlaps(spec.prefix) {
      problems.add(
        "prefix", "\(spec.prefix)", .prefixInUse,
        "overlaps \(old.name) (\(old.prefix)), which was removed and which \(old.owner) may still serve",
        fix: "wait until \(old.owner) confirms, or remove it with 'muster agent remove \(old.owner) --force'")
    }
  }

  private func checkImmutable(_ old: SubnetSpec, _ new: SubnetSpec, _ problems: inout Problems) {
    let fields = [
      ("name", old.name.text, new.name.text), ("fabric", old.fabric.text, new.fabric.text),
      ("prefix", "\(old.prefix)", "\(new.prefix)"),
    ]
    for (field, old, new) in fields where old != new {
      problems.add(field, new, .immutable, "cannot replace \(old)", fix: "add another subnet and move the nodes")
    }
  }

  /// A subnet that waits for an agent with a slip in its name would never be served.
  ///
  /// - Parameter known: Named before: one of them may have been removed since.
  private func checkAgentsExist(_ spec: SubnetSpec, besides known: [AgentName] = [], _ problems: inout Problems) throws {
    for agent in spec.agents where !known.contains(agent) {
      guard try tables.agent(agent) == nil else { continue }
      problems.add("agents", agent.text, .agentUnknown, "is not an agent", fix: "add it first: 'muster agent add \(agent)'")
    }
  }

  /// An address that an agent has on a link of the fabric cannot be given to a machine.
  private func checkAgents(_ spec: SubnetSpec, _ problems: inout Problems) throws {
    for (index, range) in spec.pool.ranges.enumerated() {
      guard let (address, agent) = try tables.linkAddresses(in: spec.fabric, range, limit: 1).first else { continue }
      problems.add(
        "pools[\(index)]", "\(range)", .poolReserved, "contains \(address), the address of agent \(agent)",
        fix: "leave it out")
    }
  }

  /// New options must not take an address that a node has.
  private func checkReservations(
    _ row: SubnetRow, _ spec: SubnetSpec, force: Bool, _ problems: inout Problems
  ) throws {
    let dhcpID = row.subnet.dhcpID
    let singles = [("gateway", spec.gateway)] + spec.relays.enumerated().map { ("relays[\($0)]", $1 as IPv4Address?) }
    for case (let field, let address?) in singles {
      guard let holder = try tables.holder(of: SubnetAddress(subnet: dhcpID, address: address)) else { continue }
      problems.add(
        field, "\(address)", .addressTaken, "belongs to node \(holder.name)", fix: "choose another, or move the node")
    }
    for (index, range) in spec.pool.ranges.enumerated() {
      if let (address, node) = try tables.firstReservation(in: dhcpID, range) {
        problems.add(
          "pools[\(index)]", "\(range)", .poolReserved, "contains \(address) of node \(node)",
          fix: "leave it out, or move the node")
      }
      // What is in the pool already is given out as it was; only what comes to it is judged.
      for added in AddressPool(range).subtracting(row.subnet.spec.pool) where !force {
        guard let hold = try firstHold(dhcpID, added) else { continue }
        problems.add(
          "pools[\(index)]", "\(range)", .addressHeld, "contains \(hold.place.address), held for \(hold.mac)",
          fix: "leave it out or wait")
        break
      }
    }
  }

  private func firstHold(_ dhcpID: DHCPSubnetID, _ range: AddressRange) throws -> HeldAddress? {
    var from: IPv4Address? = range.first
    while let start = from {
      let holds = try tables.holds(dhcpID, from: start, limit: FreeAddressSearch.pieceSize)
      for hold in holds where !hold.isReleased(at: leaseNow) { return hold.place.address <= range.last ? hold : nil }
      guard holds.count == FreeAddressSearch.pieceSize, let last = holds.last, last.place.address < range.last else {
        return nil
      }
      from = last.place.address.next
    }
    return nil
  }

  /// Reserves what left the pool for nobody until the owner says that it gives it to nobody.
  private func retire(_ ranges: [AddressRange], of row: inout SubnetRow, at generation: Generation) throws {
    guard HeldAddress.isNeeded(epoch: row.progress.epoch), !ranges.isEmpty else { return }
    row.retired += ranges.map { RetiredRange(range: $0, generation: generation) }
    guard row.retired.count <= RetiredRange.countMax else {
      throw Refusal.limitReached(
        what: "pool changes waiting for \(row.subnet.name)'s agent", max: RetiredRange.countMax)
    }
  }
}
