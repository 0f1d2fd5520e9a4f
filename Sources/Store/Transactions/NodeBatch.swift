internal import Provisioning

/// Gathers what a batch of writes needs to be planned: the nodes as they are, and the holders of
/// every name, MAC and address that changes hands. All reads are by key.
struct NodeBatch {
  private let tables: any Tables
  private let now: Timestamp
  private let leaseNow: Timestamp
  private let actor: Actor
  /// By the index of the write.
  private(set) var refusals: [Int: Refusal] = [:]
  /// Writes that may still be carried out; `spec` loses its `auto`s on the way.
  private var pending: [(index: Int, write: NodeWrite, before: Node?, spec: NodeSpec?, id: NodeID)] = []
  private var changes: [(index: Int, change: NodeChange)] = []
  private var occupancy = Occupancy()
  private var rows: [SubnetName: SubnetRow] = [:]
  private var unknownSubnets: Set<SubnetName> = []
  private(set) var cursors: [DHCPSubnetID: IPv4Address] = [:]

  init(tables: any Tables, now: Timestamp, leaseNow: Timestamp, actor: Actor) {
    self.tables = tables
    self.now = now
    self.leaseNow = leaseNow
    self.actor = actor
  }

  var dhcpIDs: [SubnetName: DHCPSubnetID] { rows.mapValues(\.subnet.dhcpID) }
  var fabrics: [SubnetName: FabricName] { rows.mapValues(\.subnet.spec.fabric) }

  /// The changes to carry out, after `plan`.
  var carried: [NodeChange] {
    changes.filter { refusals[$0.index] == nil && !$0.change.isUnchanged }.map(\.change)
  }

  mutating func add(_ write: NodeWrite, at index: Int, identifier: NodeID) throws {
    var before: Node?
    var id = identifier
    switch write.target {
    case .create: break
    case .replace(let target, _, _, _), .remove(let target):
      id = target
      before = try tables.node(target)
      guard let before else {
        refusals[index] = .unknownNode("\(target)")
        return
      }
      if let read = write.ifRevision, read != before.revision {
        refusals[index] = .stale(
          what: "node \(before.name)", read: read, now: before.revision, by: before.updatedBy, at: before.updated)
        return
      }
    }
    for interface in (before?.interfaces ?? []) + (write.spec?.interfaces ?? []) {
      if let name = interface.subnet { try load(name) }
    }
    pending.append((index, write, before, write.spec, id))
  }

  private mutating func load(_ name: SubnetName) throws {
    guard rows[name] == nil, !unknownSubnets.contains(name) else { return }
    guard let row = try tables.subnet(named: name) else {
      unknownSubnets.insert(name)
      return
    }
    rows[name] = row
    occupancy.subnets[name] = try Snapshot(tables: tables, now: now, leaseNow: leaseNow).facts(of: row)
  }

  /// Replaces every `auto` by the address its interface has, or by a free one.
  mutating func chooseAddresses() throws {
    var searches = startSearches()
    for position in pending.indices {
      guard var spec = pending[position].spec else { continue }
      for slot in spec.interfaces.indices where spec.interfaces[slot].address == .auto {
        let interface = spec.interfaces[slot]
        guard let name = interface.subnet, let row = rows[name] else { continue }
        if let kept = pending[position].before?.addressKept(for: interface) {
          spec.interfaces[slot].address = .fixed(kept)
        } else if let free = try searches[name]?.next(taken: {
            try Snapshot(tables: tables, now: now, leaseNow: leaseNow).takenAddresses(row.subnet.dhcpID, from: $0)
          }) {
          spec.interfaces[slot].address = .fixed(free)
        } else {
          refusals[pending[position].index] = .invalid([exhausted(slot, name)])
        }
      }
      pending[position].spec = spec
    }
    for (name, search) in searches {
      if let row = rows[name] { cursors[row.subnet.dhcpID] = search.cursor }
    }
    makeChanges()
  }

  /// A search in each subnet that needs one, kept off the addresses the batch itself names.
  private func startSearches() -> [SubnetName: FreeAddressSearch] {
    var searches: [SubnetName: FreeAddressSearch] = [:]
    let interfaces = pending.flatMap { $0.spec?.interfaces ?? [] }
    for interface in interfaces where interface.address == .auto {
      guard let name = interface.subnet, let facts = occupancy.subnets[name], searches[name] == nil else { continue }
      searches[name] = FreeAddressSearch(facts, from: rows[name]?.autoCursor)
    }
    guard !searches.isEmpty else { return [:] }
    for interface in interfaces {
      if let name = interface.subnet, let address = interface.address.fixed { searches[name]?.claim(address) }
    }
    return searches
  }

  private mutating func makeChanges() {
    for entry in pending where refusals[entry.index] == nil {
      let after: Node?
      switch entry.write.target {
      case .create(let spec, let state, let hardware):
        after = .adding(entry.spec ?? spec, state: state, hardware: hardware, id: entry.id, at: now, by: actor)
      case .replace(_, let spec, let state, let hardware):
        after = entry.before?.replacing(
          spec: entry.spec ?? spec, state: state, hardware: hardware, at: now, by: actor)
      case .remove:
        after = nil
      }
      changes.append((entry.index, NodeChange(before: entry.before, after: after, force: entry.write.force)))
    }
  }

  private func exhausted(_ slot: Int, _ subnet: SubnetName) -> FieldProblem {
    FieldProblem(
      field: "interfaces[\(slot)].address", value: "auto", code: .addressesExhausted,
      message: "finds no free address in \(subnet)", fix: "remove nodes or shrink the pool")
  }

  /// Looks up who has what the changes want, and plans.
  mutating func plan(_ mode: BatchMode) throws -> NodePlan {
    for entry in changes where !entry.change.isUnchanged {
      if let after = entry.change.after { try look(after, entry.change.before) }
    }
    var plan = NodePlan.make(changes.map(\.change), occupancy, mode: mode, at: leaseNow)
    for (position, refusal) in plan.refusals { refusals[changes[position].index] = refusal }
    plan.refusals = [:]
    return plan
  }

  private mutating func look(_ node: Node, _ before: Node?) throws {
    if node.name != before?.name, let holder = try tables.nodeID(named: node.name) {
      occupancy.names[node.name] = holder
    }
    for profile in [node.spec.bootProfile, node.spec.bootOnce].compactMap({ $0 })
    where !occupancy.profiles.contains(profile) {
      if try tables.profile(profile) != nil { occupancy.profiles.insert(profile) }
    }
    for interface in node.interfaces where before?.interfaces.contains(interface) != true {
      if occupancy.macs[interface.mac] == nil {
        occupancy.macs[interface.mac] = try tables.interfaces(with: interface.mac).filter { $0.node != node.id }
      }
      guard let name = interface.subnet, let row = rows[name], let address = interface.address.fixed else { continue }
      let place = SubnetAddress(subnet: row.subnet.dhcpID, address: address)
      let holder = try tables.holder(of: place)
      if let holder, holder.node != node.id { occupancy.addresses[place] = holder }
      if let hold = try tables.hold(place) {
        occupancy.holds[place] = hold
      } else if holder == nil, let lease = try tables.lease(place), lease.until > leaseNow {
        // Nobody has it reserved, and yet a machine uses it: as good as held.
        occupancy.holds[place] = HeldAddress(
          place: place, mac: lease.mac, generation: .zero, since: now, isAcknowledged: true, leaseEnds: lease.until)
      }
    }
  }

  func results(count: Int) -> [NodeWriteResult] {
    var results = (0..<count).map { index in
      NodeWriteResult(
        outcome: .refused(refusals[index] ?? .unknownNode("")), node: nil, before: nil)
    }
    for entry in changes where refusals[entry.index] == nil {
      let (before, after) = (entry.change.before, entry.change.after)
      let outcome: WriteOutcome =
        after == nil ? .removed : before == nil ? .added : before == after ? .unchanged : .updated
      results[entry.index] = NodeWriteResult(outcome: .done(outcome), node: after ?? before, before: before)
    }
    return results
  }
}
