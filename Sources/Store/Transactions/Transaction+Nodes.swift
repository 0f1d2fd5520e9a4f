package import Provisioning

extension Transaction {
  /// Writes one node.
  ///
  /// - Throws: `Refusal`; nothing is written.
  package mutating func write(_ write: NodeWrite, by actor: Actor) throws -> NodeBatchResult {
    do { return try self.write([write], by: actor) } catch let refused as BatchRefused {
      throw refused.refusals[0] ?? Refusal.invalid(refused.problems)
    }
  }

  /// Writes a batch of nodes, judged on its final state: two nodes may swap addresses or MACs.
  ///
  /// Takes one generation in each subnet whose feed changes, in the order of their numbers. A write
  /// that changes nothing takes none.
  ///
  /// - Throws: `BatchRefused` with `.allOrNone` if any is refused; nothing is written. `Refusal` if
  ///   there are more than `NodeWrite.countMax`.
  package mutating func write(
    _ writes: [NodeWrite], by actor: Actor, mode: BatchMode = .allOrNone
  ) throws -> NodeBatchResult {
    guard writes.count <= NodeWrite.countMax else { throw Refusal.tooManyWrites(max: NodeWrite.countMax) }
    var batch = NodeBatch(tables: tables, now: now, leaseNow: leaseNow, actor: actor)
    for (index, write) in writes.enumerated() {
      try batch.add(write, at: index, identifier: identifier(NodeKind.self))
    }
    try batch.chooseAddresses()
    let plan = try batch.plan(mode)
    if mode == .allOrNone, !batch.refusals.isEmpty { throw BatchRefused(batch.refusals) }
    try write(batch.carried, batch.dhcpIDs, batch.fabrics)
    let touched = try write(plan, cursors: batch.refusals.isEmpty ? batch.cursors : [:])
    return NodeBatchResult(results: batch.results(count: writes.count), generations: touched)
  }

  /// Writes the nodes themselves and what finds them. All that goes away goes first, so that names,
  /// MACs and tags may change hands.
  private func write(
    _ changes: [NodeChange], _ dhcpIDs: [SubnetName: DHCPSubnetID], _ fabrics: [SubnetName: FabricName]
  ) throws {
    for change in changes {
      guard let before = change.before else { continue }
      let index = NodeIndex(before, dhcpIDs, fabrics)
      let later = change.after.map { NodeIndex($0, dhcpIDs, fabrics) }
      for row in index.interfaces where later?.interfaces.contains(row) != true {
        try tables.deleteInterface(mac: row.mac, fabric: row.fabric)
      }
      for tag in index.tags where later?.hasTag(tag, of: index.name) != true { try tables.deleteTag(tag, of: before) }
      if change.after?.name != before.name { try tables.deleteNode(before.id) }
      if change.after == nil { try tables.deleteBootReports(of: before.id) }
    }
    var counts: [NodeState: Int] = [:]
    for change in changes {
      if let state = change.before?.state { counts[state, default: 0] -= 1 }
      if let state = change.after?.state { counts[state, default: 0] += 1 }
    }
    for (state, delta) in counts where delta != 0 { try tables.changeCount(of: state, by: delta) }
    for change in changes {
      guard let after = change.after else { continue }
      let index = NodeIndex(after, dhcpIDs, fabrics)
      let earlier = change.before.map { NodeIndex($0, dhcpIDs, fabrics) }
      if change.before?.name == after.name { try tables.updateNode(after) } else { try tables.insertNode(after) }
      for row in index.interfaces where earlier?.interfaces.contains(row) != true { try tables.insertInterface(row) }
      for tag in index.tags where earlier?.hasTag(tag, of: index.name) != true { try tables.insertTag(tag, of: after) }
    }
  }

  /// Carries out what a batch does to feeds and held addresses.
  private mutating func write(_ plan: NodePlan, cursors: [DHCPSubnetID: IPv4Address]) throws -> [SubnetGeneration] {
    var feeds: [DHCPSubnetID: FeedWriter] = [:]
    for dhcpID in plan.subnets {
      guard var row = try tables.subnet(dhcpID) else { throw StoreError.unreadable(what: "subnet \(dhcpID)") }
      let generation = advance(&row)
      if let cursor = cursors[dhcpID] { row.autoCursor = cursor }
      feeds[dhcpID] = FeedWriter(tables: tables, row: row, generation: generation, now: now, leaseNow: leaseNow)
    }
    for key in plan.tombstones { try feeds[key.subnet]?.prepare(key, address: nil) }
    for binding in plan.upserts { try feeds[binding.subnet]?.prepare(binding.key, address: binding.address) }
    for key in plan.tombstones { try feeds[key.subnet]?.bury(key) }
    for binding in plan.upserts { try feeds[binding.subnet]?.put(binding) }
    for place in plan.unholds { try tables.deleteHold(place) }
    for loss in plan.holds { try feeds[loss.place.subnet]?.release(loss) }
    var touched: [SubnetGeneration] = []
    for dhcpID in plan.subnets {
      guard let feed = feeds[dhcpID] else { continue }
      try keep(feed.row, at: feed.generation)
      touched.append(
        SubnetGeneration(subnet: feed.row.subnet.name, dhcpID: dhcpID, generation: feed.generation))
    }
    return touched
  }

  /// The agent `agent` carried out the order to boot once with that token: the node boots its usual
  /// profile from now on. Nothing happens if another order was given since, or none is left.
  ///
  /// - Returns: The generations, empty if nothing changed.
  package mutating func consumeBootOnce(
    of id: NodeID, token: UInt64, by actor: Actor
  ) throws -> [SubnetGeneration] {
    guard let node = try tables.node(id), node.spec.bootOnce != nil, node.bootOnceToken == token else { return [] }
    var spec = node.spec
    spec.bootOnce = nil
    return try write(.replace(id, with: spec), by: actor).generations
  }

  /// Records a stage a machine reached; for each stage the newest is kept.
  package func record(_ report: BootReport, of node: NodeID) throws { try tables.putBootReport(report, of: node) }
}

/// The rows by which a node is found.
private struct NodeIndex {
  let name: NodeName
  let interfaces: [InterfaceRow]
  let tags: [Tag]

  init(_ node: Node, _ dhcpIDs: [SubnetName: DHCPSubnetID], _ fabrics: [SubnetName: FabricName]) {
    name = node.name
    tags = node.spec.tags
    interfaces = node.interfaces.map { interface in
      InterfaceRow(
        mac: interface.mac, fabric: interface.subnet.flatMap { fabrics[$0] },
        subnet: interface.subnet.flatMap { dhcpIDs[$0] }, name: interface.name, node: node.id, nodeName: node.name)
    }
  }

  func hasTag(_ tag: Tag, of name: NodeName) -> Bool { self.name == name && tags.contains(tag) }
}
