internal import Logging
internal import Provisioning
internal import RPC
internal import Store
internal import Wire

extension SessionRecords {
  /// What became of an Observed.
  struct ObservedOutcome: Sendable {
    /// Enlistments that the agent may forget.
    var durable: [[UInt8]] = []
    /// Enlistments over the rate cap; the agent offers them again.
    var deferred = 0
  }

  /// Observations of one message.
  static let observationsMax = 10_000

  /// Makes leases, boot stages and enlistments durable, all of one message in one transaction.
  func record(_ observed: MusterV1.Observed) async throws -> ObservedOutcome {
    let count = observed.leases.count + observed.boots.count + observed.enlistments.count
    guard count <= Self.observationsMax else {
      throw RPCError(.resourceExhausted, "\(count) observations in one message; send at most \(Self.observationsMax)")
    }
    if observed.dropped > 0 {
      context.logger.warning(
        "an agent dropped observations", metadata: ["agent": "\(agent)", "count": "\(observed.dropped)"])
    }
    let writer = ObservationWriter(agent: agent, actor: .agent(agent))
    let leases = observed.leases.compactMap { parsed($0) { try ObservedLease($0) } }
    let boots = observed.boots.compactMap { seen in
      parsed(seen) { (key: try $0.key(), report: try BootReport($0, agent: agent), token: $0.bootOnceSerial) }
    }
    let enlistments = observed.enlistments.map { message in
      (message: message, report: parsed(message) { try EnlistmentReport($0) })
    }
    let budget = context.enlistments.budget(
      for: observed.enlistments.map { DHCPSubnetID(number: $0.dhcpId) }, uptime: context.clocks.uptime())
    let result = try await context.store.write { transaction in
      for lease in leases { try writer.record(lease, in: &transaction) }
      for boot in boots { try writer.record(boot.report, boot.key, token: boot.token, in: &transaction) }
      var enlister = Enlister(agent: writer.agent, budget: budget)
      var outcome = ObservedOutcome()
      for enlistment in enlistments {
        guard let report = enlistment.report else {
          outcome.durable.append(enlistment.message.id)
          continue
        }
        let id = DHCPSubnetID(number: enlistment.message.dhcpId)
        if try enlister.enlist(report, in: id, &transaction) {
          outcome.durable.append(enlistment.message.id)
        } else {
          outcome.deferred += 1
        }
      }
      try enlister.reportLimit(&transaction)
      return (outcome, enlister.taken)
    }
    context.enlistments.take(result.1)
    return result.0
  }

  /// Nil, and a line in the log, for what no agent of ours says. It must not stand in the way of the rest.
  private func parsed<Message, Value>(_ message: Message, _ body: (Message) throws -> Value) -> Value? {
    do { return try body(message) } catch {
      context.logger.warning(
        "an agent observed something impossible", metadata: ["agent": "\(agent)", "error": "\(error)"])
      return nil
    }
  }
}

/// Writes what machines were seen doing.
struct ObservationWriter: Sendable {
  let agent: AgentName
  let actor: Actor

  /// A lease of a subnet that this agent owns; others' are not its business.
  func record(_ lease: ObservedLease, in transaction: inout Transaction) throws {
    guard let row = try transaction.subnet(lease.subnet), row.progress.owner == agent else { return }
    let place = SubnetAddress(subnet: lease.subnet, address: lease.address)
    let known = try transaction.lease(place)
    let hostname = try name(of: BindingKey(subnet: lease.subnet, mac: lease.mac), in: transaction)
    guard lease.until.nanoseconds > 0 else {
      guard known?.mac == lease.mac else { return }
      try transaction.forgetLease(place)
      try transaction.record(
        Event(
          .leaseEnded, actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: lease.mac,
          address: lease.address, message: "\(lease.mac) gave \(lease.address) back"))
      return
    }
    try transaction.observe(lease)
    // Renewals are no news.
    guard known?.mac != lease.mac || (known?.until ?? lease.until) < transaction.now else { return }
    try transaction.record(
      Event(
        .leaseGiven, actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: lease.mac,
        address: lease.address, message: "\(hostname?.text ?? "\(lease.mac)") has \(lease.address)"))
  }

  /// A stage of a boot. A phone-home that used up an order to boot once ends the order.
  func record(
    _ report: BootReport, _ key: BindingKey, token: UInt64, in transaction: inout Transaction
  ) throws {
    guard let row = try transaction.subnet(key.subnet) else { return }
    let binding = try transaction.feedRow(key)?.binding
    if let binding {
      try transaction.record(report, of: binding.node)
      if report.stage == .phoneHome, token != 0 {
        _ = try transaction.consumeBootOnce(of: binding.node, token: token, by: actor)
      }
    }
    let hostname = try binding?.hostname ?? name(of: key, in: transaction)
    let subject = hostname?.text ?? "\(key.mac)"
    let detail = report.detail.isEmpty ? "" : ": \(report.detail)"
    try transaction.record(
      Event(
        .boot(report.stage), actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: key.mac,
        address: binding?.address,
        message: "\(subject) \(report.succeeded ? "reached" : "failed in") \(report.stage.word)\(detail)"))
  }

  /// Whose MAC it is, also when it was seen in a subnet where it does not belong.
  private func name(of key: BindingKey, in transaction: borrowing Transaction) throws -> NodeName? {
    if let name = try transaction.feedRow(key)?.binding?.hostname { return name }
    let nodes = try transaction.nodes(with: key.mac)
    return nodes.count == 1 ? nodes[0].name : nil
  }
}
