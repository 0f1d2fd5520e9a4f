internal import Provisioning

extension SQL {
  private static let holdColumns = "dhcp_id, address, mac, generation, since, acknowledged, lease_ends"
  static let hold = "SELECT \(holdColumns) FROM held_addresses WHERE dhcp_id = ? AND address = ?"
  static let holds = """
    SELECT \(holdColumns) FROM held_addresses WHERE dhcp_id = ? AND address >= ? ORDER BY address LIMIT ?
    """
  static let waitingHolds = """
    SELECT \(holdColumns) FROM held_addresses WHERE dhcp_id = ? AND generation <= ? AND acknowledged = 0
    ORDER BY generation LIMIT ?
    """
  static let releasedHolds = """
    SELECT \(holdColumns) FROM held_addresses WHERE lease_ends <= ? AND acknowledged = 1 ORDER BY lease_ends LIMIT ?
    """
  static let putHold = """
    INSERT INTO held_addresses (dhcp_id, address, mac, generation, since, acknowledged, lease_ends)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET mac = excluded.mac, generation = excluded.generation, since = excluded.since,
      acknowledged = excluded.acknowledged, lease_ends = excluded.lease_ends
    """
  static let deleteHold = "DELETE FROM held_addresses WHERE dhcp_id = ? AND address = ?"
  static let deleteHolds = "DELETE FROM held_addresses WHERE dhcp_id = ?"

  static let holdStatements = [hold, holds, waitingHolds, releasedHolds, putHold, deleteHold, deleteHolds]
}

extension SQLiteTables {
  /// Stands in `lease_ends` for "no lease is known".
  private static let noLease = Int64.min

  func hold(_ place: SubnetAddress) throws -> HeldAddress? {
    var query = try Query(self, SQL.hold)
    query.bind(place.subnet)
    query.bind(place.address)
    return try readHolds(&query).first
  }

  func holds(_ subnet: DHCPSubnetID, from: IPv4Address, limit: Int) throws -> [HeldAddress] {
    var query = try Query(self, SQL.holds)
    query.bind(subnet)
    query.bind(from)
    query.bind(Int64(limit))
    return try readHolds(&query)
  }

  func unacknowledgedHolds(_ subnet: DHCPSubnetID, through: Generation, limit: Int) throws -> [HeldAddress] {
    var query = try Query(self, SQL.waitingHolds)
    query.bind(subnet)
    query.bind(through)
    query.bind(Int64(limit))
    return try readHolds(&query)
  }

  func releasedHolds(at now: Timestamp, limit: Int) throws -> [HeldAddress] {
    var query = try Query(self, SQL.releasedHolds)
    query.bind(now)
    query.bind(Int64(limit))
    return try readHolds(&query)
  }

  private func readHolds(_ query: inout Query) throws -> [HeldAddress] {
    var holds: [HeldAddress] = []
    while try query.step() {
      holds.append(
        HeldAddress(
          place: SubnetAddress(subnet: query.dhcpID(0), address: query.address(1)), mac: try query.mac(2),
          generation: query.generation(3), since: query.timestamp(4), isAcknowledged: query.int(5) == 1,
          leaseEnds: query.int(6) == Self.noLease ? nil : query.timestamp(6)))
    }
    return holds
  }

  func putHold(_ hold: HeldAddress) throws {
    var query = try Query(self, SQL.putHold)
    query.bind(hold.place.subnet)
    query.bind(hold.place.address)
    query.bind(hold.mac)
    query.bind(hold.generation)
    query.bind(hold.since)
    query.bind(hold.isAcknowledged)
    query.bind(hold.leaseEnds?.nanoseconds ?? Self.noLease)
    try query.run()
  }

  func deleteHold(_ place: SubnetAddress) throws {
    var query = try Query(self, SQL.deleteHold)
    query.bind(place.subnet)
    query.bind(place.address)
    try query.run()
  }

  func deleteHolds(_ subnet: DHCPSubnetID) throws {
    var query = try Query(self, SQL.deleteHolds)
    query.bind(subnet)
    try query.run()
  }
}
