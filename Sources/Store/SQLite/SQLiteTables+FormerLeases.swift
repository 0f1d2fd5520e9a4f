internal import Provisioning

extension SQL {
  private static let keepLater = """
    ON CONFLICT DO UPDATE SET mac = excluded.mac, until = excluded.until WHERE excluded.until > until
    """
  static let retireLeases = """
    INSERT INTO former_leases (fabric, address, mac, until)
    SELECT ?, address, mac, until FROM leases WHERE dhcp_id = ? AND until > ? \(keepLater)
    """
  static let putFormerLease = """
    INSERT INTO former_leases (fabric, address, mac, until) VALUES (?, ?, ?, ?) \(keepLater)
    """
  static let reviveLeases = """
    INSERT INTO leases (dhcp_id, address, mac, until)
    SELECT ?, address, mac, until FROM former_leases WHERE fabric = ? AND address BETWEEN ? AND ? AND until > ?
    """
  static let deleteRevived = "DELETE FROM former_leases WHERE fabric = ? AND address BETWEEN ? AND ?"
  static let endedFormerLeases = "SELECT fabric, address FROM former_leases WHERE until < ? ORDER BY until LIMIT ?"
  static let deleteFormerLease = "DELETE FROM former_leases WHERE fabric = ? AND address = ?"

  static let formerLeaseStatements = [
    retireLeases, putFormerLease, reviveLeases, deleteRevived, endedFormerLeases, deleteFormerLease,
  ]
}

extension SQLiteTables {
  func retireLeases(of subnet: DHCPSubnetID, in fabric: FabricName, now: Timestamp) throws {
    var query = try Query(self, SQL.retireLeases)
    query.bind(fabric.text)
    query.bind(subnet)
    query.bind(now)
    try query.run()
    try deleteLeases(subnet)
  }

  func putFormerLease(_ lease: ObservedLease, in fabric: FabricName) throws {
    var query = try Query(self, SQL.putFormerLease)
    query.bind(fabric.text)
    query.bind(lease.address)
    query.bind(lease.mac)
    query.bind(lease.until)
    try query.run()
  }

  func reviveLeases(in fabric: FabricName, _ range: AddressRange, to subnet: DHCPSubnetID, now: Timestamp) throws {
    do {
      var query = try Query(self, SQL.reviveLeases)
      query.bind(subnet)
      query.bind(fabric.text)
      query.bind(range.first)
      query.bind(range.last)
      query.bind(now)
      try query.run()
    }
    var query = try Query(self, SQL.deleteRevived)
    query.bind(fabric.text)
    query.bind(range.first)
    query.bind(range.last)
    try query.run()
  }

  func deleteFormerLeases(endedBefore time: Timestamp, limit: Int) throws -> Int {
    var ended: [(FabricName, IPv4Address)] = []
    do {
      var query = try Query(self, SQL.endedFormerLeases)
      query.bind(time)
      query.bind(Int64(limit))
      while try query.step() { ended.append((try query.name(0), query.address(1))) }
    }
    for (fabric, address) in ended {
      var query = try Query(self, SQL.deleteFormerLease)
      query.bind(fabric.text)
      query.bind(address)
      try query.run()
    }
    return ended.count
  }
}
