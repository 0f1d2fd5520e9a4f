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
    let uptime = context.clocks.uptime()
    let eventBudget = context.caps.events.budget(for: [agent], uptime: uptime)[agent, default: 0]
    let mayNotice = context.caps.notices.budget(for: [agent], uptime: uptime)[agent, default: 0] > 0
    let leases = observed.leases.compactMap { parsed($0) { try ObservedLease($0) } }
    let boots = observed.boots.compactMap { seen in
      parsed(seen) { (key: try $0.key(), report: try BootReport($0, agent: agent), token: $0.bootOnceSerial) }
    }
    let enlistments = observed.enlistments.map { message in
      (message: message, report: parsed(message) { try EnlistmentReport($0) })
    }
    let budget = context.caps.enlistments.budget(
      for: observed.enlistments.map { DHCPSubnetID(number: $0.dhcpId) }, uptime: uptime)
    let result = try await context.store.write { [agent, context] transaction in
      var writer = ObservationWriter(agent: agent, actor: .agent(agent), eventsLeft: eventBudget)
      for lease in leases { try writer.record(lease, in: &transaction) }
      for boot in boots { try writer.record(boot.report, boot.key, token: boot.token, in: &transaction) }
      var enlister = Enlister(agent: agent, budget: budget, board: context.conflicts)
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
      if mayNotice {
        try enlister.reportLimit(&transaction)
        try writer.reportLimit(&transaction)
      }
      return Written(outcome: outcome, enlister: enlister, writer: writer)
    }
    context.caps.enlistments.take(result.enlister.taken)
    context.caps.events.take([agent: eventBudget - result.writer.eventsLeft])
    if result.enlister.isLimited || result.writer.skipped > 0 { context.caps.notices.take([agent: 1]) }
    context.conflicts.note(result.enlister.conflicts, now: context.clocks.now())
    context.conflicts.settle(result.enlister.settled)
    return result.outcome
  }

  /// What a transaction wrote, and what is to be noted after its commit.
  private struct Written: Sendable {
    var outcome: ObservedOutcome
    var enlister: Enlister
    var writer: ObservationWriter
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
  /// Events that may still be recorded; what they would say of leases and boots is kept all the same.
  var eventsLeft: Int
  /// Events that were not recorded.
  private(set) var skipped = 0

  init(agent: AgentName, actor: Actor, eventsLeft: Int) {
    self.agent = agent
    self.actor = actor
    self.eventsLeft = eventsLeft
  }

  private mutating func tell(_ event: Event, in transaction: inout Transaction) throws {
    guard eventsLeft > 0 else {
      skipped += 1
      return
    }
    eventsLeft -= 1
    try transaction.record(event)
  }

  /// Says that events are missing.
  func reportLimit(_ transaction: inout Transaction) throws {
    guard skipped > 0 else { return }
    try transaction.record(
      Event(
        .eventsLimited, actor: actor, agent: agent,
        message: "\(agent) reports more than is kept: leases and boots of its machines are left out of the events for now"))
  }

  /// A lease of a subnet that this agent owns; others' are not its business.
  mutating func record(_ lease: ObservedLease, in transaction: inout Transaction) throws {
    guard let row = try transaction.subnet(lease.subnet), row.progress.owner == agent else { return }
    let place = SubnetAddress(subnet: lease.subnet, address: lease.address)
    let known = try transaction.lease(place)
    let hostname = try name(of: BindingKey(subnet: lease.subnet, mac: lease.mac), in: transaction)
    guard lease.until.nanoseconds > 0 else {
      guard known?.mac == lease.mac else { return }
      try transaction.forgetLease(place)
      try tell(
        Event(
          .leaseEnded, actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: lease.mac,
          address: lease.address, message: "\(lease.mac) gave \(lease.address) back"),
        in: &transaction)
      return
    }
    try transaction.observe(lease)
    // Renewals are no news.
    guard known?.mac != lease.mac || (known?.until ?? lease.until) < transaction.leaseNow else { return }
    try tell(
      Event(
        .leaseGiven, actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: lease.mac,
        address: lease.address, message: "\(hostname?.text ?? "\(lease.mac)") has \(lease.address)"),
      in: &transaction)
  }

  /// A stage of a boot. A phone-home that used up an order to boot once ends the order.
  mutating func record(
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
    try tell(
      Event(
        .boot(report.stage), actor: actor, node: hostname, subnet: row.subnet.name, agent: agent, mac: key.mac,
        address: binding?.address,
        message: "\(subject) \(report.succeeded ? "reached" : "failed in") \(report.stage.word)\(detail)"),
      in: &transaction)
  }

  /// Whose MAC it is, also when it was seen in a subnet where it does not belong.
  private func name(of key: BindingKey, in transaction: borrowing Transaction) throws -> NodeName? {
    if let name = try transaction.feedRow(key)?.binding?.hostname { return name }
    let nodes = try transaction.nodes(with: key.mac)
    return nodes.count == 1 ? nodes[0].name : nil
  }
}
