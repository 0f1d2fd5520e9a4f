internal import Provisioning

extension SQL {
  static let lease = "SELECT dhcp_id, address, mac, until FROM leases WHERE dhcp_id = ? AND address = ?"
  static let leasesMAC = "SELECT dhcp_id, address, mac, until FROM leases WHERE dhcp_id = ? AND mac = ?"
  static let leasesRange = """
    SELECT dhcp_id, address, mac, until FROM leases WHERE dhcp_id = ? AND address BETWEEN ? AND ?
    ORDER BY address LIMIT ?
    """
  static let leaseCount = "SELECT count(*) FROM leases WHERE dhcp_id = ? AND address BETWEEN ? AND ? AND until > ?"
  static let putLease = """
    INSERT INTO leases (dhcp_id, address, mac, until) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET mac = excluded.mac, until = excluded.until
    """
  static let deleteLease = "DELETE FROM leases WHERE dhcp_id = ? AND address = ?"
  static let deleteLeases = "DELETE FROM leases WHERE dhcp_id = ?"
  static let endedLeases = "SELECT dhcp_id, address, mac, until FROM leases WHERE until < ? ORDER BY until LIMIT ?"

  static let leaseStatements = [
    lease, leasesMAC, leasesRange, leaseCount, putLease, deleteLease, deleteLeases, endedLeases,
  ]
}

extension SQLiteTables {
  func lease(_ place: SubnetAddress) throws -> ObservedLease? {
    var query = try Query(self, SQL.lease)
    query.bind(place.subnet)
    query.bind(place.address)
    return try readLeases(&query).first
  }

  func leases(of key: BindingKey) throws -> [ObservedLease] {
    var query = try Query(self, SQL.leasesMAC)
    query.bind(key.subnet)
    query.bind(key.mac)
    return try readLeases(&query).sorted { $0.until > $1.until }
  }

  func leases(_ subnet: DHCPSubnetID, in range: AddressRange, limit: Int) throws -> [ObservedLease] {
    var query = try Query(self, SQL.leasesRange)
    query.bind(subnet)
    query.bind(range.first)
    query.bind(range.last)
    query.bind(Int64(limit))
    return try readLeases(&query)
  }

  private func readLeases(_ query: inout Query) throws -> [ObservedLease] {
    var leases: [ObservedLease] = []
    while try query.step() {
      leases.append(
        ObservedLease(
          subnet: query.dhcpID(0), mac: try query.mac(2), address: query.address(1), until: query.timestamp(3)))
    }
    return leases
  }

  func leaseCount(_ subnet: DHCPSubnetID, in range: AddressRange, at now: Timestamp) throws -> Int {
    var query = try Query(self, SQL.leaseCount)
    query.bind(subnet)
    query.bind(range.first)
    query.bind(range.last)
    query.bind(now)
    return try query.step() ? Int(query.int(0)) : 0
  }

  func putLease(_ lease: ObservedLease) throws {
    var query = try Query(self, SQL.putLease)
    query.bind(lease.subnet)
    query.bind(lease.address)
    query.bind(lease.mac)
    query.bind(lease.until)
    try query.run()
  }

  func deleteLease(_ place: SubnetAddress) throws {
    var query = try Query(self, SQL.deleteLease)
    query.bind(place.subnet)
    query.bind(place.address)
    try query.run()
  }

  func deleteLeases(_ subnet: DHCPSubnetID) throws {
    var query = try Query(self, SQL.deleteLeases)
    query.bind(subnet)
    try query.run()
  }

  func deleteLeases(endedBefore time: Timestamp, limit: Int) throws -> Int {
    let ended = try endedLeases(before: time, limit: limit)
    for lease in ended { try deleteLease(SubnetAddress(subnet: lease.subnet, address: lease.address)) }
    return ended.count
  }

  private func endedLeases(before time: Timestamp, limit: Int) throws -> [ObservedLease] {
    var query = try Query(self, SQL.endedLeases)
    query.bind(time)
    query.bind(Int64(limit))
    return try readLeases(&query)
  }
}
