internal import Provisioning
package import RPC
internal import Store
package import Wire

extension SubnetServiceHandler {
  /// Sends what is new about each generation whenever something about its subnet changed, until all are applied.
  ///
  /// Nothing is polled: commits wake the wait by subnet, agents that come and go by agent.
  package func waitApplied(
    _ request: MusterV1.WaitAppliedRequest, responses: ResponseWriter<MusterV1.WaitAppliedResponse>,
    context call: ServerContext
  ) async throws {
    try await answering {
      let targets = try Self.parse(request)
      let wanted = try await context.store.read { try Self.resolve(targets, in: $0) }
      let leaving = try RequestNames.parseIfGiven(request.leaving, "leaving", as: AgentKind.self)
      var wait = ApplyWait(wanted, leaving: leaving)
      guard !wait.isOver else { return }
      let signal = WakeSignal<Topic>()
      var topics = Set(wait.pending.map(Topic.applied))
      context.hub.subscribe(signal, to: topics)
      defer { context.hub.unsubscribe(signal, from: topics) }
      var looking = wait.pending
      while true {
        let rows = try await read(looking, countingLeases: leaving != nil)
        // An agent that falls silent changes nothing in its subnets' rows: owners are topics of their own.
        let owners = Set(rows.values.compactMap(\.row.progress.owner).map(Topic.agent)).subtracting(topics)
        context.hub.subscribe(signal, to: owners)
        topics.formUnion(owners)
        for id in looking {
          let progress = rows[id].map { ApplyProgress($0.row, leases: $0.leases, sessions: context.sessions) }
          guard let update = wait.observe(progress, of: id, now: context.clocks.now()) else { continue }
          try await responses.write(MusterV1.WaitAppliedResponse(update))
        }
        if wait.isOver { return }
        guard let raised = try await signal.next() else {
          throw RPCError(.unavailable, "the region is shutting down; the generations are saved")
        }
        let isOwner = raised.contains { if case .agent = $0 { true } else { false } }
        looking = isOwner ? wait.pending : wait.pending.filter { raised.contains(.applied($0)) }
      }
    }
  }

  private struct Target: Sendable {
    var subnet: SubnetName
    var generation: Generation
  }

  private static func parse(_ request: MusterV1.WaitAppliedRequest) throws -> [Target] {
    guard request.generations.count <= ApplyWait.subnetsMax else {
      throw Refusal.limitReached(what: "generations in one wait", max: ApplyWait.subnetsMax)
    }
    var problems = Problems()
    let targets = request.generations.enumerated().compactMap { index, wanted -> Target? in
      guard let name = problems.name("generations[\(index)].subnet", wanted.subnet, SubnetKind.self) else { return nil }
      return Target(subnet: name, generation: Generation(wanted.generation))
    }
    try problems.check()
    return targets
  }

  private static func resolve(_ targets: [Target], in snapshot: borrowing Snapshot) throws -> [SubnetGeneration] {
    try targets.map { target in
      guard let row = try snapshot.subnet(named: target.subnet) else {
        throw Refusal.unknownSubnet(target.subnet.text)
      }
      guard target.generation <= row.progress.head else {
        throw OperatorError.generationAhead(target.subnet, wanted: target.generation, head: row.progress.head)
      }
      return SubnetGeneration(subnet: target.subnet, dhcpID: row.subnet.dhcpID, generation: target.generation)
    }
  }

  private struct Reading: Sendable {
    var row: SubnetRow
    var leases: Int?
  }

  private func read(_ ids: [DHCPSubnetID], countingLeases: Bool) async throws -> [DHCPSubnetID: Reading] {
    try await context.store.read { snapshot in
      var rows: [DHCPSubnetID: Reading] = [:]
      for id in ids {
        guard let row = try snapshot.subnet(id) else { continue }
        rows[id] = Reading(row: row, leases: countingLeases ? try snapshot.leaseCount(of: row.subnet) : nil)
      }
      return rows
    }
  }
}

extension ApplyProgress {
  init(_ row: SubnetRow, leases: Int? = nil, sessions: SessionRegistry) {
    let progress = row.progress
    let presence = progress.owner.flatMap { sessions.presence(of: $0) }
    self.init(
      subnet: row.subnet.name, head: progress.head, applied: progress.applied,
      owner: progress.owner.map {
        Owner(agent: $0, isOnline: presence?.isOnline ?? false, lastSeen: presence?.lastSeen)
      },
      trouble: progress.trouble?.message, probe: sessions.probe(of: row.subnet.dhcpID) ?? "",
      quarantined: progress.rejected, leases: leases)
    guard progress.applied == progress.head, let appliedAt = progress.appliedAt else { return }
    lag = .nanoseconds(max(0, appliedAt.nanoseconds - progress.changedAt.nanoseconds))
  }
}

extension MusterV1.WaitAppliedResponse {
  init(_ update: ApplyWait.Update) {
    self.init()
    subnet = update.subnet.text
    generation = update.generation.number
    agent = update.agent?.text ?? ""
    applied = update.isApplied
    detail = update.detail
    lag = update.lag.map { GoogleProtobuf.Duration(nanoseconds: $0.nanoseconds) }
    remaining = UInt32(update.remaining)
  }
}
