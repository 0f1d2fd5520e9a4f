package import Provisioning
package import Store

/// Who becomes a subnet's owner, and when. `Assignment` chooses; this decides whether a choice may take effect now:
/// a subnet never gets a second server while the first may still answer.
///
/// - A subnet without owner is given away at once.
/// - A subnet whose owner may not keep it (drained, no longer allowed) stays its owner's until the owner has said that
///   it stopped; its session asks it to (`Revoke`).
/// - Link loss and silence move nothing.
package struct Placement: Sendable {
  /// Agents that are online; preferred, because a subnet sticks to whom it is given.
  private let online: Set<AgentName>

  /// Subnets without owner that one change of an agent looks at.
  static let unownedMax = 10_000

  package init(online: some Sequence<AgentName>) {
    self.online = Set(online)
  }

  /// Gives a subnet without owner to the best agent there is. A subnet that has an owner stays as it is.
  ///
  /// - Returns: The owner there is now and the epoch.
  @discardableResult
  package func place(
    _ dhcpID: DHCPSubnetID, in transaction: inout Transaction, by actor: Actor = .region
  ) throws -> (owner: AgentName?, epoch: Epoch) {
    guard let row = try transaction.subnet(dhcpID) else { throw Refusal.unknownSubnet("\(dhcpID)") }
    guard row.progress.owner == nil else { return (row.progress.owner, row.progress.epoch) }
    guard let owner = try successor(of: nil, for: row, among: transaction.candidates(for: row.subnet.spec)) else {
      return (nil, row.progress.epoch)
    }
    return (owner, try give(row, to: owner, in: &transaction, by: actor))
  }

  /// A subnet that is served stays so when an operator names other agents for it.
  ///
  /// - Parameter row: As the operator wants it, with the owner that it has.
  /// - Throws: `Refusal.invalid` when its owner has to let go of it and nobody could take it.
  func checkStaysServed(_ row: SubnetRow, in transaction: borrowing Transaction) throws {
    let spec = row.subnet.spec
    guard spec.isDHCPOn, let owner = row.progress.owner, let agent = try transaction.agent(named: owner),
      agent.state == .enrolled, !agent.mayKeep(spec),
      try successor(of: owner, for: row, among: transaction.candidates(for: spec)) == nil
    else { return }
    throw Refusal.invalid([
      FieldProblem(
        field: "agents", value: spec.agents.map(\.text).joined(separator: ","), code: .refused,
        message: "cannot serve \(spec.name), which \(owner) serves now",
        fix: "name one that is online and has a link in \(spec.prefix), or turn DHCP off first")
    ])
  }

  /// Gives away what has no owner, after an agent came or its links changed.
  func placeUnowned(in transaction: inout Transaction) throws {
    for row in try transaction.subnetsWithoutOwner(limit: Self.unownedMax) {
      try place(row.subnet.dhcpID, in: &transaction)
    }
  }

  /// The owner has stopped answering for the subnet: it goes to the next, or back at a new epoch when the owner may
  /// keep it after all.
  ///
  /// - Returns: The owner there is now.
  func succeed(
    _ row: SubnetRow, from agent: Agent, in transaction: inout Transaction, by actor: Actor
  ) throws -> AgentName? {
    let dhcpID = row.subnet.dhcpID
    if agent.mayKeep(row.subnet.spec) {
      // It was told to stop at the next epoch.
      try transaction.raiseEpoch(of: dhcpID, above: row.progress.epoch.next)
      return agent.name
    }
    let next = try successor(of: agent.name, for: row, among: transaction.candidates(for: row.subnet.spec))
    guard let next else {
      let epoch = try transaction.assign(dhcpID, to: nil)
      try transaction.record(
        Event(
          .subnetAssigned, actor: actor, subnet: row.subnet.name, agent: agent.name,
          message: "\(row.subnet.name) has no owner (epoch \(epoch)): nobody else can serve it"))
      return nil
    }
    _ = try give(row, to: next, in: &transaction, by: actor)
    return next
  }

  /// Who would get the subnet from `owner`.
  ///
  /// - Parameter onlyOnline: Rather nobody than an agent that is away.
  func successor(
    of owner: AgentName?, for row: SubnetRow, among candidates: [Agent], onlyOnline: Bool = false
  ) -> AgentName? {
    let others = candidates.filter { $0.name != owner && $0.isEligible(for: row.subnet.spec) }
    var choices = others.filter { online.contains($0.name) }
    // Of several that are away, nobody knows which comes first; a subnet sticks, so it waits for that one.
    if choices.isEmpty, !onlyOnline, others.count == 1 { choices = others }
    let choice = Assignment.choose(
      for: row.subnet.spec, dhcpID: row.subnet.dhcpID, owner: nil, among: choices)
    if case .move(let next) = choice { return next }
    return nil
  }

  private func give(
    _ row: SubnetRow, to owner: AgentName, in transaction: inout Transaction, by actor: Actor
  ) throws -> Epoch {
    let epoch = try transaction.assign(row.subnet.dhcpID, to: owner)
    let from = row.progress.owner.map { " from \($0)" } ?? ""
    let leases = try transaction.leaseCount(of: row.subnet)
    let with = leases == 0 ? "" : " with \(counted(leases, "lease"))"
    try transaction.record(
      Event(
        .subnetAssigned, actor: actor, subnet: row.subnet.name, agent: owner,
        message: "\(row.subnet.name) goes\(from) to \(owner) (epoch \(epoch))\(with)"))
    return epoch
  }
}

extension RegionContext {
  /// Placement as of now.
  package var placement: Placement { Placement(online: sessions.onlineAgents()) }
}
