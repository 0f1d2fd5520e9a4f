internal import Provisioning

extension SQL {
  private static let bindingColumns = "mac, generation, node, address, hostname, profile, once, once_token"
  static let binding = "SELECT \(bindingColumns), hash FROM bindings WHERE dhcp_id = ? AND mac = ?"
  static let bindingHolder = """
    SELECT node, hostname FROM bindings WHERE dhcp_id = ? AND address = ? AND address IS NOT NULL
    """
  static let bindingAddresses = """
    SELECT address FROM bindings WHERE dhcp_id = ? AND address >= ? AND address IS NOT NULL ORDER BY address LIMIT ?
    """
  static let bindingInRange = """
    SELECT address, hostname FROM bindings WHERE dhcp_id = ? AND address BETWEEN ? AND ? AND address IS NOT NULL
    ORDER BY address LIMIT 1
    """
  static let clearAddress = "UPDATE bindings SET address = NULL WHERE dhcp_id = ? AND mac = ?"
  static let putBinding = """
    INSERT INTO bindings (dhcp_id, mac, generation, node, address, hostname, profile, once, once_token, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (dhcp_id, mac) DO UPDATE SET generation = excluded.generation, node = excluded.node, address = excluded.address,
      hostname = excluded.hostname, profile = excluded.profile, once = excluded.once,
      once_token = excluded.once_token, hash = excluded.hash
    """
  static let feedRows = """
    SELECT \(bindingColumns) FROM bindings
    WHERE dhcp_id = ? AND (generation, mac) > (?, ?) AND (node IS NOT NULL OR generation > ?)
    ORDER BY generation, mac LIMIT ?
    """
  static let oldTombstones = """
    SELECT mac, generation FROM bindings WHERE dhcp_id = ? AND generation <= ? AND node IS NULL
    ORDER BY generation LIMIT ?
    """
  static let deleteBinding = "DELETE FROM bindings WHERE dhcp_id = ? AND mac = ?"
  static let deleteBindings = "DELETE FROM bindings WHERE dhcp_id = ?"

  static let bindingStatements =
    [
      binding, bindingHolder, bindingAddresses, bindingInRange, clearAddress, putBinding, feedRows, oldTombstones,
      deleteBinding, deleteBindings,
    ] + holdStatements
}

extension SQLiteTables: BindingTables {
  func binding(_ key: BindingKey) throws -> BindingRow? {
    var query = try Query(self, SQL.binding)
    query.bind(key.subnet)
    query.bind(key.mac)
    guard try query.step() else { return nil }
    return BindingRow(
      row: try feedRow(query, key.subnet), hash: query.optionalBytes(8).map { RowHash(bits: UInt128(octets: $0)) })
  }

  private func feedRow(_ query: borrowing Query, _ subnet: DHCPSubnetID) throws -> FeedRow {
    let mac = try query.mac(0)
    let generation = query.generation(1)
    guard !query.isNull(2) else { return FeedRow(mac: mac, generation: generation, binding: nil) }
    let once: ProfileName? = try query.optionalName(6)
    let binding = Binding(
      key: BindingKey(subnet: subnet, mac: mac), node: query.identifier(2), hostname: try query.name(4),
      address: query.optionalAddress(3), bootProfile: try query.optionalName(5),
      bootOnce: once.map { BootOnce(profile: $0, token: UInt64(bitPattern: query.int(7))) })
    return FeedRow(mac: mac, generation: generation, binding: binding)
  }

  func holder(of place: SubnetAddress) throws -> Occupancy.AddressHolder? {
    var query = try Query(self, SQL.bindingHolder)
    query.bind(place.subnet)
    query.bind(place.address)
    guard try query.step() else { return nil }
    return Occupancy.AddressHolder(node: query.identifier(0), name: try query.name(1))
  }

  func addresses(in subnet: DHCPSubnetID, from: IPv4Address, limit: Int) throws -> [IPv4Address] {
    var query = try Query(self, SQL.bindingAddresses)
    query.bind(subnet)
    query.bind(from)
    query.bind(Int64(limit))
    var addresses: [IPv4Address] = []
    while try query.step() { addresses.append(query.address(0)) }
    return addresses
  }

  func firstReservation(in subnet: DHCPSubnetID, _ range: AddressRange) throws -> (IPv4Address, NodeName)? {
    var query = try Query(self, SQL.bindingInRange)
    query.bind(subnet)
    query.bind(range.first)
    query.bind(range.last)
    return try query.step() ? (query.address(0), query.name(1)) : nil
  }

  func clearAddress(_ key: BindingKey) throws {
    var query = try Query(self, SQL.clearAddress)
    query.bind(key.subnet)
    query.bind(key.mac)
    try query.run()
  }

  func putBinding(_ row: BindingRow, subnet: DHCPSubnetID) throws {
    let binding = row.row.binding
    var query = try Query(self, SQL.putBinding)
    query.bind(subnet)
    query.bind(row.row.mac)
    query.bind(row.row.generation)
    query.bind(binding?.node.bits.octets)
    query.bind(binding?.address)
    query.bind(binding?.hostname.text)
    query.bind(binding?.bootProfile?.text)
    query.bind(binding?.bootOnce?.profile.text)
    query.bind(binding?.bootOnce.map { Int64(bitPattern: $0.token) })
    query.bind(row.hash?.bits.octets)
    try query.run()
  }

  func feedRows(
    _ subnet: DHCPSubnetID, after generation: Generation, mac: UInt64,
    skippingTombstonesThrough: Generation, limit: Int
  ) throws -> [FeedRow] {
    var query = try Query(self, SQL.feedRows)
    query.bind(subnet)
    query.bind(generation)
    query.bind(Int64(clamping: mac))
    query.bind(skippingTombstonesThrough)
    query.bind(Int64(limit))
    var rows: [FeedRow] = []
    while try query.step() { rows.append(try feedRow(query, subnet)) }
    return rows
  }

  func deleteTombstones(
    _ subnet: DHCPSubnetID, through: Generation, limit: Int
  ) throws -> (Int, Generation) {
    var old: [(MACAddress, Generation)] = []
    do {
      var query = try Query(self, SQL.oldTombstones)
      query.bind(subnet)
      query.bind(through)
      query.bind(Int64(limit))
      while try query.step() { old.append((try query.mac(0), query.generation(1))) }
    }
    for (mac, _) in old {
      var query = try Query(self, SQL.deleteBinding)
      query.bind(subnet)
      query.bind(mac)
      try query.run()
    }
    return (old.count, old.last?.1 ?? .zero)
  }

  func deleteBindings(_ subnet: DHCPSubnetID) throws {
    var query = try Query(self, SQL.deleteBindings)
    query.bind(subnet)
    try query.run()
  }
}
