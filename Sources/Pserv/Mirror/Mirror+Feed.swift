internal import struct Foundation.Data
internal import GRDB
package import Provisioning

/// Ownership and feeds: what the region says.
extension Mirror {
  /// Notes that this agent owns `subnet` at `epoch`. False: a newer epoch is known, nothing changed.
  ///
  /// - Parameter leasesFollow: The region will send the leases of the former owner; see `Handover`.
  package func assign(
    _ id: DHCPSubnetID, name: SubnetName, epoch: Epoch, leasesFollow: Bool = false
  ) throws(MirrorError) -> Bool {
    try change { content, staged, db in
      var subnet =
        content.subnets[id] ?? MirroredSubnet(dhcpID: id, name: name, epochMax: epoch, isOwned: true)
      guard epoch >= subnet.epochMax else { return false }
      // An epoch that was revoked does not come back: the region would have taken a new one.
      guard subnet.isOwned || epoch > subnet.epochMax || content.subnets[id] == nil else { return false }
      if epoch != subnet.epochMax { staged[id] = nil }
      (subnet.name, subnet.epochMax, subnet.isOwned) = (name, epoch, true)
      // What was received and not used up stays; what was promised and is not any more does not come.
      let handover: Handover? = leasesFollow ? .awaited : subnet.handover == .awaited ? nil : subnet.handover
      if handover != subnet.handover { try Self.write(handover, of: &subnet, db) }
      content.subnets[id] = subnet
      try Self.write(subnet, db)
      return true
    }
  }

  /// Notes that the subnet belongs to somebody else from `epoch` on. False: a newer epoch is known, nothing changed.
  ///
  /// The rows stay until the daemon has stopped answering for them; see `recordApplied`.
  package func revoke(_ id: DHCPSubnetID, epoch: Epoch) throws(MirrorError) -> Bool {
    try change { content, staged, db in
      guard var subnet = content.subnets[id] else { return true }
      guard epoch >= subnet.epochMax else { return false }
      (subnet.epochMax, subnet.isOwned) = (epoch, false)
      staged[id] = nil
      if subnet.handover != nil { try Self.write(nil, of: &subnet, db) }
      content.subnets[id] = subnet
      try Self.write(subnet, db)
      return true
    }
  }

  /// Keeps the leases of the former owner until the daemon has them. False: the subnet is not this agent's at `epoch`.
  ///
  /// - Parameter leases: One an address, ascending.
  package func handOver(_ id: DHCPSubnetID, epoch: Epoch, leases: [Lease]) throws(MirrorError) -> Bool {
    try change { content, _, db in
      guard var subnet = content.subnets[id], subnet.isOwned, subnet.epochMax == epoch else { return false }
      try Self.write(leases.isEmpty ? nil : .received(leases), of: &subnet, db)
      content.subnets[id] = subnet
      return true
    }
  }

  static func write(_ handover: Handover?, of subnet: inout MirroredSubnet, _ db: Database) throws {
    subnet.handover = handover
    let id = subnet.dhcpID.number
    switch handover {
    case nil: try db.execute(sql: "DELETE FROM handover WHERE dhcp_id = ?", arguments: [id])
    case .awaited:
      try db.execute(sql: "INSERT OR REPLACE INTO handover (dhcp_id, leases) VALUES (?, NULL)", arguments: [id])
    case .received(let leases):
      try db.execute(
        sql: "INSERT OR REPLACE INTO handover (dhcp_id, leases) VALUES (?, ?)",
        arguments: [id, Data(MirrorEncoding.encode(leases))])
    }
  }

  /// Stages a chunk. Touches no disk.
  package func stage(_ chunk: FeedChunk) throws(FeedRefusal) {
    let refusal: FeedRefusal? = changeStaged { content, staged in
      guard let subnet = content.subnets[chunk.dhcpID] else { return .staleEpoch }
      var current = staged[chunk.dhcpID]
      defer { staged[chunk.dhcpID] = current }
      do throws(FeedRefusal) { try subnet.stage(chunk, into: &current) } catch { return error }
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Makes the delta that is being staged for `id` fail at its commit: a part of it could not be understood.
  package func breakStaged(_ id: DHCPSubnetID) {
    changeStaged { _, staged in staged[id]?.isBroken = true }
  }

  /// Ends every delta that was not committed; with the session that carried them.
  package func dropStaged() {
    changeStaged { _, staged in staged.removeAll() }
  }

  /// Checks what was staged against `commit` and makes it the subnet's feed, all at once.
  ///
  /// - Returns: Why it was refused, or `nil`. What was staged is gone in either case.
  package func commit(_ commit: FeedCommit) throws(MirrorError) -> FeedRefusal? {
    try change { content, staged, db in
      let delta = staged.removeValue(forKey: commit.dhcpID)
      guard var subnet = content.subnets[commit.dhcpID] else { return .staleEpoch }
      let outcome: (feed: ReceivedFeed, changes: BindingChanges)
      do throws(FeedRefusal) { outcome = try subnet.committing(commit, staged: delta) } catch { return error }
      let isFirst = subnet.received.header == nil
      subnet.received = outcome.feed
      content.subnets[commit.dhcpID] = subnet
      try Self.write(subnet, db)
      try Self.write(outcome.changes, of: commit.dhcpID, copy: MirrorSchema.receivedCopy, db)
      if isFirst { try Self.inheritOrders(in: subnet, &content, db) }
      try Self.forgetEndedOrders(&content, db)
      return nil
    }
  }

  /// Replaces the boot profiles.
  package func storeProfiles(_ profiles: BootProfiles) throws(MirrorError) {
    try change { content, _, db in
      content.profiles = profiles
      try Self.set(MetaKey.profiles, MirrorEncoding.encode(profiles), db)
    }
  }

  static func write(_ subnet: MirroredSubnet, _ db: Database) throws {
    let feed = subnet.received
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO subnet (dhcp_id, name, epoch_max, is_owned, incarnation, generation, digest, header,
          header_generation, blocked_by, blocked_header_generation)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        subnet.dhcpID.number, subnet.name.text, Int64(bitPattern: subnet.epochMax.number), subnet.isOwned,
        Data(feed.incarnation), Int64(bitPattern: feed.generation.number),
        Data(MirrorEncoding.encode(feed.digest.bits)), feed.header.map { Data(MirrorEncoding.encode($0)) },
        Int64(bitPattern: feed.headerGeneration.number), subnet.block?.server.bits,
        subnet.block.map { Int64(bitPattern: $0.headerGeneration.number) },
      ])
  }

  static func write(_ changes: BindingChanges, of id: DHCPSubnetID, copy: Int, _ db: Database) throws {
    let insert = try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO binding (copy, dhcp_id, mac, row) VALUES (?, ?, ?, ?)")
    for binding in changes.upserts {
      try insert.execute(arguments: [
        copy, id.number, Int64(bitPattern: binding.mac.bits), Data(MirrorEncoding.encode(binding)),
      ])
    }
    let delete = try db.cachedStatement(sql: "DELETE FROM binding WHERE copy = ? AND dhcp_id = ? AND mac = ?")
    for mac in changes.removals {
      try delete.execute(arguments: [copy, id.number, Int64(bitPattern: mac.bits)])
    }
  }

  static func set(_ key: String, _ value: [UInt8], _ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, Data(value)])
  }
}
