package import Provisioning

/// What an owner says it applied.
package struct AppliedReport: Hashable, Sendable {
  package var agent: AgentName
  package var session: SessionEpoch
  package var subnet: DHCPSubnetID
  package var epoch: Epoch
  package var generation: Generation
  package var digest: SubnetDigest
  /// The full set at this generation, less `rejectedMore`.
  package var rejected: [Rejection]
  /// How many more there are than `rejected` names.
  package var rejectedMore: Int
  /// Leases that outlive their bindings; `nil` if the agent did not say all of them, as in Hello.
  package var leasesLeft: [LeaseLeft]?

  package init(
    agent: AgentName, session: SessionEpoch, subnet: DHCPSubnetID, epoch: Epoch, generation: Generation,
    digest: SubnetDigest, rejected: [Rejection] = [], rejectedMore: Int = 0, leasesLeft: [LeaseLeft]? = nil
  ) {
    self.agent = agent
    self.session = session
    self.subnet = subnet
    self.epoch = epoch
    self.generation = generation
    self.digest = digest
    self.rejected = rejected
    self.rejectedMore = rejectedMore
    self.leasesLeft = leasesLeft
  }
}

/// What became of a report.
package enum AppliedOutcome: Hashable, Sendable {
  /// It is on record.
  case recorded
  /// A newer one is on record; applied generations only grow.
  case older
  /// Another session or epoch took over; the report does not count.
  case superseded
  /// The agent has other rows than the region at the same generation: it needs a snapshot.
  case digestMismatch
  /// The agent is ahead of the head: the store is older than what the agent saw.
  case ahead
}

extension Transaction {
  /// Gives a subnet another owner, or none, at the next epoch. What the old owner says from now on
  /// does not count. The caller made sure that the old owner stopped serving, or an operator took
  /// the risk.
  ///
  /// - Returns: The new epoch; the present one if the owner stays.
  package mutating func assign(_ dhcpID: DHCPSubnetID, to owner: AgentName?) throws -> Epoch {
    guard var row = try tables.subnet(dhcpID) else { throw Refusal.unknownSubnet("\(dhcpID)") }
    guard row.progress.owner != owner else { return row.progress.epoch }
    if let owner, try tables.agent(owner) == nil { throw Refusal.unknownAgent(owner.text) }
    for agent in [row.progress.owner, owner].compactMap({ $0 }) { notice.assignments.insert(agent) }
    row.progress.owner = owner
    try begin(row.progress.epoch.next, of: &row)
    return row.progress.epoch
  }

  /// Gives the owner an epoch above one that it has seen: it was told to stop at that one, or the database is older
  /// than the agent.
  ///
  /// An agent that claims more than `StoreLimits.epochStepMax` is damaged; following it would use the numbers up. Its
  /// subnet is not served and says so.
  package mutating func raiseEpoch(of dhcpID: DHCPSubnetID, above seen: Epoch) throws {
    guard var row = try tables.subnet(dhcpID) else { throw Refusal.unknownSubnet("\(dhcpID)") }
    guard let owner = row.progress.owner, row.progress.epoch <= seen else { return }
    guard seen.number - row.progress.epoch.number <= StoreLimits.epochStepMax else {
      let trouble = SubnetTrouble(
        code: "EPOCH_ABSURD",
        message: "\(owner) claims epoch \(seen), the region is at \(row.progress.epoch): its state is damaged. "
          + "Stop it, move its state directory away and start it again")
      guard row.progress.trouble != trouble else { return }
      row.progress.trouble = trouble
      try tables.updateProgress(row)
      notice.progress.insert(dhcpID)
      return
    }
    notice.assignments.insert(owner)
    try begin(seen.next, of: &row)
  }

  private mutating func begin(_ epoch: Epoch, of row: inout SubnetRow) throws {
    let dhcpID = row.subnet.dhcpID
    row.progress.epoch = epoch
    row.progress.applied = .zero
    row.progress.appliedDigest = .zero
    row.progress.appliedAt = nil
    row.progress.rejected = 0
    row.progress.trouble = nil
    try tables.setRejections([], dhcpID)
    try tables.updateProgress(row)
    notice.progress.insert(dhcpID)
  }

  /// Records what an owner applied, if its session and epoch still match; releases held addresses
  /// and collects tombstones that nobody needs any more.
  package mutating func recordApplied(_ report: AppliedReport) throws -> AppliedOutcome {
    guard let agent = try tables.agent(report.agent), agent.session == report.session,
      var row = try tables.subnet(report.subnet), row.progress.owner == report.agent,
      row.progress.epoch == report.epoch
    else { return .superseded }
    guard report.generation <= row.progress.head else { return .ahead }
    guard report.generation >= row.progress.applied else { return .older }
    if report.generation == row.progress.head, report.digest != row.progress.digest { return .digestMismatch }
    let rejected = Array(report.rejected.prefix(Rejection.countMax))
    if row.progress.rejected != 0 || !rejected.isEmpty { try tables.setRejections(rejected, report.subnet) }
    if report.generation > row.progress.applied || row.progress.appliedAt == nil { row.progress.appliedAt = now }
    row.progress.applied = report.generation
    row.progress.appliedDigest = report.digest
    row.progress.rejected = report.rejected.count + report.rejectedMore
    try acknowledgeHolds(report, &row)
    try collectTombstones(&row, through: report.generation)
    try tables.updateProgress(row)
    notice.progress.insert(report.subnet)
    return .recorded
  }

  private func acknowledgeHolds(_ report: AppliedReport, _ row: inout SubnetRow) throws {
    let latest = leaseNow.advanced(bySeconds: Int64(row.subnet.spec.leaseSeconds))
    var left: [IPv4Address: LeaseLeft] = [:]
    for lease in report.leasesLeft ?? [] {
      left[lease.address] = lease
      try tables.putLease(
        ObservedLease(subnet: report.subnet, mac: lease.mac, address: lease.address, until: lease.until))
    }
    try endRetirement(report, &row, latest)
    var holds: [HeldAddress]
    repeat {
      holds = try tables.unacknowledgedHolds(
        report.subnet, through: report.generation, limit: FreeAddressSearch.pieceSize)
      for var hold in holds {
        let known = try tables.lease(hold.place).flatMap { $0.until > leaseNow ? $0 : nil }
        let lease: HeldAddress.LeaseLeft
        if report.leasesLeft == nil {
          lease = .unknown(latest: latest)
        } else if let told = left[hold.place.address] {
          // In full from now: the agent's clock may be wrong, and after this it renewed none.
          lease = .until(max(told.until, latest))
        } else if let known {
          // The agent speaks of what its last apply took away. A lease from before that is still one.
          hold.mac = known.mac
          lease = .until(known.until)
        } else {
          lease = .none
        }
        hold.acknowledge(applied: report.generation, lease: lease)
        if hold.isReleased(at: leaseNow) { try release(hold, &row) } else { try tables.putHold(hold) }
      }
    } while holds.count == FreeAddressSearch.pieceSize
  }

  /// What left the pool is not given out any more; addresses of it that are leased become held. An agent that says
  /// nothing of leases, as in Hello, may have given some that nobody told the region: then the ranges stay retired
  /// until the last of those has ended. What came back into the pool meanwhile is the pool's.
  private func endRetirement(_ report: AppliedReport, _ row: inout SubnetRow, _ latest: Timestamp) throws {
    if row.retired.contains(where: { $0.hasEnded(at: leaseNow) }) {
      row.retired.removeAll { $0.hasEnded(at: leaseNow) }
      row.autoCursor = nil
    }
    guard report.leasesLeft != nil else {
      for index in row.retired.indices where row.retired[index].generation <= report.generation {
        row.retired[index].leasesEnd = row.retired[index].leasesEnd ?? latest
      }
      return
    }
    for retired in row.retired where retired.generation <= report.generation {
      var from: IPv4Address? = retired.range.first
      while let first = from {
        let rest = AddressRange(first: first, last: retired.range.last)
        let leases = try tables.leases(report.subnet, in: rest, limit: FreeAddressSearch.pieceSize)
        for lease in leases where lease.until > leaseNow && !row.subnet.spec.pool.contains(lease.address) {
          let place = SubnetAddress(subnet: report.subnet, address: lease.address)
          try tables.putHold(
            HeldAddress(
              place: place, mac: lease.mac, generation: retired.generation, since: now, isAcknowledged: true,
              leaseEnds: lease.until))
        }
        let next = leases.count == FreeAddressSearch.pieceSize ? leases.last?.address.next : nil
        from = next.flatMap { $0 <= retired.range.last ? $0 : nil }
      }
    }
    for lease in report.leasesLeft ?? [] where lease.until > leaseNow && !row.subnet.spec.pool.contains(lease.address) {
      let place = SubnetAddress(subnet: report.subnet, address: lease.address)
      guard let range = row.retired.first(where: { $0.range.contains(lease.address) }) else { continue }
      try tables.putHold(
        HeldAddress(
          place: place, mac: lease.mac, generation: range.generation, since: now, isAcknowledged: true,
          leaseEnds: lease.until))
    }
    if row.retired.contains(where: { $0.generation <= report.generation }) {
      row.retired.removeAll { $0.generation <= report.generation }
      row.autoCursor = nil
    }
  }

  func release(_ hold: HeldAddress, _ row: inout SubnetRow) throws {
    try tables.deleteHold(hold.place)
    if let cursor = row.autoCursor { row.autoCursor = min(cursor, hold.place.address) }
  }

  func collectTombstones(_ row: inout SubnetRow, through generation: Generation) throws {
    let (count, last) = try tables.deleteTombstones(
      row.subnet.dhcpID, through: generation, limit: StoreLimits.tombstonesMax)
    if count > 0 { row.progress.collected = max(row.progress.collected, last) }
  }

  /// An agent said that it answers for a subnet no longer. If the subnet was removed meanwhile, its
  /// prefix is free again.
  package mutating func confirmRelease(of dhcpID: DHCPSubnetID, by agent: AgentName) throws {
    guard try tables.retired(dhcpID)?.owner == agent else { return }
    try tables.deleteRetired(dhcpID)
    notice.progress.insert(dhcpID)
  }

  /// Frees the prefixes of removed subnets that an agent, by its own list, does not hold.
  ///
  /// - Parameter held: All subnets the agent has, whatever it does with them.
  package mutating func confirmReleases(by agent: AgentName, except held: Set<DHCPSubnetID>) throws {
    for old in try tables.retired(ownedBy: agent, limit: StoreLimits.subnetsMax) where !held.contains(old.dhcpID) {
      try confirmRelease(of: old.dhcpID, by: agent)
    }
  }

  /// Records why an owner does not serve its subnet; `nil` clears it.
  ///
  /// - Returns: False if session or epoch do not match any more.
  package mutating func recordTrouble(
    _ trouble: SubnetTrouble?, of dhcpID: DHCPSubnetID, agent name: AgentName, session: SessionEpoch, epoch: Epoch
  ) throws -> Bool {
    guard let agent = try tables.agent(name), agent.session == session,
      var row = try tables.subnet(dhcpID), row.progress.owner == name, row.progress.epoch == epoch
    else { return false }
    guard row.progress.trouble != trouble else { return true }
    row.progress.trouble = trouble
    try tables.updateProgress(row)
    notice.progress.insert(dhcpID)
    return true
  }
}
