internal import Logging
internal import Provisioning
internal import RPC
internal import Store
internal import Wire

/// What one session reads from the store and records in it. Every write names the session, so that what a displaced
/// one still says counts for nothing.
struct SessionRecords: Sendable {
  let context: RegionContext
  let agent: AgentName
  let session: SessionEpoch

  /// Rows in one chunk. The largest row takes 255 octets on the wire (three names of 63, a UUID, numbers), so that a
  /// chunk with its header stays below 256 KiB.
  static let chunkRowsMax = 1_000
  /// Rejections of one report that are told one by one as events; the rest is counted.
  static let rejectionEventsMax = 10

  private var actor: Actor { .agent(agent) }

  // MARK: Reading

  /// Which subnets the agent owns and may keep.
  ///
  /// - Parameter others: Subnets it believes it has besides; it is told at which epoch they went.
  func assignments(besides others: [DHCPSubnetID]) async throws -> Assignments {
    try await context.store.read { [agent] snapshot in
      guard let known = try snapshot.agent(named: agent) else { throw Refusal.unknownAgent(agent.text) }
      var assignments = Assignments()
      for row in try snapshot.subnets(ownedBy: agent) {
        let id = row.subnet.dhcpID
        if known.mayKeep(row.subnet.spec) {
          assignments.owned.append(.init(dhcpID: id, subnet: row.subnet.name, epoch: row.progress.epoch))
        } else {
          assignments.leaving[id] = row.progress.epoch.next
        }
      }
      for id in others {
        if let row = try snapshot.subnet(id), row.progress.owner != agent { assignments.lost[id] = row.progress.epoch }
      }
      return assignments
    }
  }

  func profiles() async throws -> MusterV1.ProfileSet {
    try await context.store.read { snapshot in
      MusterV1.ProfileSet(try snapshot.profiles().map(\.spec), revision: try snapshot.profilesRevision())
    }
  }

  /// Reads one piece of a feed.
  func read(_ read: DeltaRead) async throws -> DeltaAnswer {
    enum Found {
      case page(FeedPage)
      case onlySnapshot
      case ahead
      case moved
    }
    let found: Found = try await context.store.read { [agent] snapshot in
      guard let row = try snapshot.subnet(read.dhcpID), row.progress.owner == agent, row.progress.epoch == read.epoch,
        try snapshot.agent(named: agent)?.mayKeep(row.subnet.spec) == true
      else { return .moved }
      if let page = try snapshot.feed(read.dhcpID, from: read.position, limit: Self.chunkRowsMax) { return .page(page) }
      return read.position.base > row.progress.head ? .ahead : .onlySnapshot
    }
    switch found {
    case .page(let page): return .part(DeltaPart(page))
    case .onlySnapshot: return .onlySnapshot
    case .moved: return .moved
    case .ahead:
      try await recordAhead(of: read.dhcpID, base: read.position.base)
      return .onlySnapshot
    }
  }

  /// The agent has seen generations that this database never made, so it is older than the agent: from now on its rows
  /// are of another life.
  private func recordAhead(of id: DHCPSubnetID, base: Generation) async throws {
    let actor = actor
    try await context.store.write { [agent] transaction in
      guard let row = try transaction.subnet(id), base > row.progress.head else { return }
      _ = try transaction.drawIncarnation()
      try transaction.record(
        Event(
          .storeRestored, actor: actor, subnet: row.subnet.name, agent: agent,
          message: "\(agent) has generation \(base) of \(row.subnet.name), the region only \(row.progress.head): "
            + "the database is older than the agent, which gets a snapshot"))
    }
  }

  // MARK: Recording

  /// Links and warnings that changed; a plain Renew is kept in memory.
  func record(_ renew: MusterV1.Renew) async throws {
    let warnings = renew.warnings.prefix(Agent.warningsMax).map { PlainText(sanitizing: $0) }
    let links = renew.linksChanged ? try renew.links.map { try AgentLink($0) } : nil
    guard
      context.sessions.describe(
        agent, links: renew.linksChanged ? renew.links : nil, warnings: warnings.map(\.text),
        uptime: context.clocks.uptime())
    else { return }
    let placement = context.placement
    try await context.store.write { [agent, session] transaction in
      try transaction.renewSession(of: agent, session: session, links: links, warnings: warnings)
      if links != nil { try placement.placeUnowned(in: &transaction) }
    }
  }

  /// Records what the owner applied.
  func record(_ applied: MusterV1.Applied, at epoch: Epoch) async throws -> AppliedOutcome {
    let report = try AppliedReport(applied, agent: agent, session: session, epoch: epoch)
    let actor = actor
    // Before the commit, which wakes those who want to read it.
    if !applied.probe.isEmpty { context.sessions.setProbe(applied.probe, of: report.subnet) }
    return try await context.store.write { transaction in
      let before = try transaction.subnet(report.subnet)
      let known = Set(before?.progress.rejected == 0 ? [] : try transaction.rejections(report.subnet).map(\.mac))
      let outcome = try transaction.recordApplied(report)
      guard outcome == .recorded, let before else { return outcome }
      if report.generation > before.progress.applied {
        try transaction.record(AppliedEvents.applied(report, applied, of: before.subnet.name, by: actor))
      }
      let fresh = report.rejected.filter { !known.contains($0.mac) }
      for rejection in fresh.prefix(Self.rejectionEventsMax) {
        let binding = try transaction.feedRow(BindingKey(subnet: report.subnet, mac: rejection.mac))?.binding
        try transaction.record(AppliedEvents.rejected(rejection, binding, of: before.subnet.name, report, by: actor))
      }
      if fresh.count > Self.rejectionEventsMax {
        try transaction.record(
          Event(
            .bindingRejected, actor: actor, subnet: before.subnet.name, agent: report.agent,
            message: "and \(fresh.count - Self.rejectionEventsMax) more in \(before.subnet.name)"))
      }
      return outcome
    }
  }

  /// The agent stopped answering for a subnet that it was told to leave; the subnet goes to its next owner.
  func recordRelease(of id: DHCPSubnetID, leases: [MusterV1.LeaseLeft]) async throws {
    let placement = context.placement
    let left = try leases.map { try ObservedLease(LeaseLeft($0), in: id) }
    let actor = actor
    try await context.store.write { [agent, session] transaction in
      guard let known = try transaction.agent(named: agent), known.session == session,
        try transaction.observeLeft(left, in: id, by: agent)
      else { return }
      // The subnet may be gone; then the agent's word frees its prefix.
      try transaction.confirmRelease(of: id, by: agent)
      guard let row = try transaction.subnet(id) else { return }
      _ = try placement.succeed(row, from: known, in: &transaction, by: actor)
      if known.state == .draining, try transaction.subnets(ownedBy: agent).isEmpty {
        _ = try transaction.setState(.drained, of: agent)
        try transaction.record(Event(.agentDrained, actor: actor, agent: agent, message: "\(agent) is drained"))
      }
    }
  }

  /// A part of the leases in a subnet that the agent leaves; `recordRelease` is the end of them.
  func record(_ set: MusterV1.LeaseSet) async throws {
    let id = DHCPSubnetID(number: set.dhcpId)
    guard set.leases.count <= LeaseRead.leasesMax else {
      throw RPCError(
        .resourceExhausted, "\(set.leases.count) leases in one message; send at most \(LeaseRead.leasesMax)")
    }
    let left = try set.leases.map { try ObservedLease(LeaseLeft($0), in: id) }
    try await context.store.write { [agent, session] transaction in
      guard try transaction.agent(named: agent)?.session == session else { return }
      _ = try transaction.observeLeft(left, in: id, by: agent)
    }
  }

  /// Reads one piece of the leases that a new owner has to know.
  func read(_ read: LeaseRead) async throws -> LeasePart {
    try await context.store.read { snapshot in
      let leases = try snapshot.leases(in: read.dhcpID, from: read.from, limit: LeaseRead.leasesMax)
      let next = leases.count == LeaseRead.leasesMax ? leases.last?.address.next : nil
      return LeasePart(
        leases: leases.filter { $0.until > snapshot.leaseNow }.map {
          MusterV1.LeaseLeft(LeaseLeft(address: $0.address, mac: $0.mac, until: $0.until))
        }, next: next)
    }
  }

  /// The agent's rows could not be built upon; it gets a snapshot.
  func recordHealing(of id: DHCPSubnetID, _ reason: MusterV1.RefusalReason) async throws {
    let actor = actor
    let what = reason == .digest ? "its rows do not sum up to the region's digest" : "the delta did not fit its rows"
    context.logger.warning(
      "an agent gets a snapshot", metadata: ["agent": "\(agent)", "subnet": "\(id)", "reason": "\(reason.name)"])
    try await context.store.write { [agent] transaction in
      guard let row = try transaction.subnet(id) else { return }
      try transaction.record(
        Event(
          .subnetHealed, actor: actor, subnet: row.subnet.name, agent: agent,
          message: "\(agent) gets a snapshot of \(row.subnet.name): \(what)"))
    }
  }

  /// The agent knows of a newer epoch than the store: the store's goes above it, if the agent is still the owner.
  func recordNewerEpoch(of id: DHCPSubnetID, _ seen: Epoch) async throws {
    try await context.store.write { [agent, session] transaction in
      guard try transaction.agent(named: agent)?.session == session, let row = try transaction.subnet(id),
        row.progress.owner == agent
      else { return }
      try transaction.raiseEpoch(of: id, above: seen)
    }
  }

  func record(_ trouble: MusterV1.SubnetTrouble) async throws {
    let id = DHCPSubnetID(number: trouble.dhcpId)
    let value = SubnetTrouble(trouble)
    let actor = actor
    try await context.store.write { [agent, session] transaction in
      let row = try transaction.subnet(id)
      guard let row, row.progress.trouble != value,
        try transaction.recordTrouble(value, of: id, agent: agent, session: session, epoch: Epoch(trouble.epoch))
      else { return }
      try transaction.record(TroubleEvents.event(value, of: row.subnet.name, agent: agent, by: actor))
    }
  }

  func record(_ files: MusterV1.BootFiles) async throws {
    let known = try files.files.prefix(BootFile.countMax).map { try BootFile($0) }
    context.sessions.setBootRoot(files.root, of: agent)
    try await context.store.write { [agent, session] transaction in
      guard try transaction.agent(named: agent)?.session == session,
        try transaction.bootFiles(of: agent) != known
      else { return }
      try transaction.setBootFiles(known, of: agent)
    }
  }
}

extension DeltaPart {
  init(_ page: FeedPage) {
    self.init(
      header: page.header.map { MusterV1.Header($0, generation: page.headerGeneration) }, next: page.next,
      head: page.head, digest: page.digest.octets, incarnation: page.incarnation.octets)
    for row in page.rows {
      if let binding = row.binding {
        upserts.append(MusterV1.BindingRow(binding, generation: row.generation))
      } else {
        tombstones.append(MusterV1.Tombstone(mac: row.mac, generation: row.generation))
      }
    }
  }
}

extension AppliedReport {
  init(_ applied: MusterV1.Applied, agent: AgentName, session: SessionEpoch, epoch: Epoch) throws {
    self.init(
      agent: agent, session: session, subnet: DHCPSubnetID(number: applied.dhcpId), epoch: epoch,
      generation: Generation(applied.generation),
      digest: try SubnetDigest(octets: applied.digest, field: "Applied.digest"),
      rejected: try applied.rejected.prefix(Rejection.countMax).map { try Rejection($0) },
      rejectedMore: max(0, applied.rejected.count - Rejection.countMax) + Int(applied.rejectedMore),
      leasesLeft: applied.leasesMoreUntilNs == 0 ? try applied.leasesLeft.map { try LeaseLeft($0) } : nil)
  }
}

extension ObservedLease {
  init(_ lease: LeaseLeft, in subnet: DHCPSubnetID) {
    self.init(subnet: subnet, mac: lease.mac, address: lease.address, until: lease.until)
  }
}
