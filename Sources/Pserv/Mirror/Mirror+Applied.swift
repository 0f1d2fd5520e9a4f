internal import struct Foundation.Data
internal import GRDB
package import Provisioning

/// What is served.
extension Mirror {
  /// Records what an apply brought about: `served` replaces what was known of these subnets, `ended` are no longer served.
  ///
  /// The rows of an ended subnet that now belongs to somebody else are forgotten; its newest epoch is not.
  ///
  /// - Parameter adopted: What the daemon has been told of former owners' leases; newer word stays.
  package func recordApplied(
    _ served: [AppliedSubnet], ended: [DHCPSubnetID], adopted: [DHCPSubnetID: Handover] = [:]
  ) throws(MirrorError) {
    try change { content, staged, db in
      for next in served {
        let id = next.subnet.dhcpID
        guard var subnet = content.subnets[id] else { continue }
        let old = subnet.applied
        subnet.applied = next
        content.subnets[id] = subnet
        try Self.writeApplied(next, db)
        try Self.write(
          BindingChanges(from: old?.subnet.bindings ?? [], to: next.subnet.bindings), of: id,
          copy: MirrorSchema.appliedCopy, db)
        if old?.rejected != next.rejected { try Self.writeRejected(next.rejected, of: id, db) }
      }
      for (id, handover) in adopted {
        guard var subnet = content.subnets[id], subnet.handover == handover else { continue }
        try Self.write(nil, of: &subnet, db)
        content.subnets[id] = subnet
      }
      for id in ended {
        guard var subnet = content.subnets[id] else { continue }
        subnet.applied = nil
        try Self.delete(from: "applied_subnet", id, db)
        try Self.delete(from: "rejected", id, db)
        if subnet.isOwned {
          try db.execute(
            sql: "DELETE FROM binding WHERE dhcp_id = ? AND copy = ?",
            arguments: [id.number, MirrorSchema.appliedCopy])
        } else {
          (subnet.received, subnet.block) = (ReceivedFeed(), nil)
          try Self.delete(from: "binding", id, db)
          try Self.delete(from: "boot_once_use", id, db)
          content.orders = content.orders.filter { $0.key.subnet != id }
        }
        content.subnets[id] = subnet
        try Self.write(subnet, db)
      }
      try Self.forgetEndedOrders(&content, db)
    }
  }

  /// Notes that a foreign DHCP server keeps a subnet off, or (nil) that none does.
  package func block(_ id: DHCPSubnetID, _ block: ForeignBlock?) throws(MirrorError) {
    guard content.subnets[id]?.block != block else { return }
    try change { content, _, db in
      guard var subnet = content.subnets[id] else { return }
      subnet.block = block
      content.subnets[id] = subnet
      try Self.write(subnet, db)
    }
  }

  private static func writeApplied(_ applied: AppliedSubnet, _ db: Database) throws {
    let subnet = applied.subnet
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO applied_subnet (dhcp_id, epoch, generation, incarnation, digest, header,
          header_generation, interface, agent_address, is_relayed, answers_dhcp, leases_left)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        subnet.dhcpID.number, Int64(bitPattern: subnet.epoch.number), Int64(bitPattern: subnet.generation.number),
        Data(applied.incarnation), Data(MirrorEncoding.encode(applied.digest.bits)),
        Data(MirrorEncoding.encode(subnet.header)), Int64(bitPattern: applied.headerGeneration.number),
        subnet.attachment?.interface, subnet.attachment?.agentAddress.bits, subnet.attachment?.isRelayed,
        subnet.answersDHCP, Data(MirrorEncoding.encode(applied.leasesLeft, moreUntil: applied.leasesMoreUntil)),
      ])
  }

  private static func writeRejected(_ rejected: [RejectedBinding], of id: DHCPSubnetID, _ db: Database) throws {
    try delete(from: "rejected", id, db)
    for entry in rejected {
      try db.execute(
        sql: "INSERT INTO rejected (dhcp_id, mac, row, code, words) VALUES (?, ?, ?, ?, ?)",
        arguments: [
          id.number, Int64(bitPattern: entry.binding.mac.bits), Data(MirrorEncoding.encode(entry.binding)),
          entry.reason.code.rawValue, entry.reason.words,
        ])
    }
  }

  private static func delete(from table: String, _ id: DHCPSubnetID, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM \(table) WHERE dhcp_id = ?", arguments: [id.number])
  }
}

/// The binding of `mac` in a list that ascends by MAC.
func find(_ mac: MACAddress, in bindings: [Binding]?) -> Binding? {
  guard let bindings else { return nil }
  var low = 0
  var high = bindings.count
  while low < high {
    let middle = (low + high) / 2
    if bindings[middle].mac < mac { low = middle + 1 } else { high = middle }
  }
  return low < bindings.count && bindings[low].mac == mac ? bindings[low] : nil
}
