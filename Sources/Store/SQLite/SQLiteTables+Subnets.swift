internal import Provisioning

extension SQL {
  private static let subnetColumns = """
    dhcp_id, document, owner, epoch, head, digest, header_generation, header_hash, collected, bindings,
    reservations, applied, applied_digest, applied_at, changed_at, rejected, trouble_code, trouble_message,
    auto_cursor, retired
    """
  static let subnet = "SELECT \(subnetColumns) FROM subnets WHERE dhcp_id = ?"
  static let subnetNamed = "SELECT \(subnetColumns) FROM subnets WHERE name = ?"
  static let insertSubnet = """
    INSERT INTO subnets (dhcp_id, name, fabric, first, document, owner, epoch, head, digest, header_generation,
      header_hash, collected, bindings, reservations, applied, applied_digest, applied_at, changed_at, rejected,
      trouble_code, trouble_message, auto_cursor, retired)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
  static let updateSubnetDocument = "UPDATE subnets SET document = ? WHERE dhcp_id = ?"
  static let updateProgress = """
    UPDATE subnets SET owner = ?, epoch = ?, head = ?, digest = ?, header_generation = ?, header_hash = ?,
      collected = ?, bindings = ?, reservations = ?, applied = ?, applied_digest = ?, applied_at = ?,
      changed_at = ?, rejected = ?, trouble_code = ?, trouble_message = ?, auto_cursor = ?, retired = ?
    WHERE dhcp_id = ?
    """
  static let deleteSubnet = "DELETE FROM subnets WHERE dhcp_id = ?"
  static let lastSubnet = """
    SELECT \(subnetColumns) FROM subnets WHERE fabric = ? AND first <= ? ORDER BY first DESC LIMIT 1
    """
  static let subnetsAll = """
    SELECT \(subnetColumns) FROM subnets WHERE (first, dhcp_id) > (?, ?) ORDER BY first, dhcp_id LIMIT ?
    """
  static let subnetsFabric = """
    SELECT \(subnetColumns) FROM subnets WHERE fabric = ? AND first > ? ORDER BY first LIMIT ?
    """
  static let subnetsOwner = """
    SELECT \(subnetColumns) FROM subnets WHERE owner = ? AND (first, dhcp_id) > (?, ?)
    ORDER BY first, dhcp_id LIMIT ?
    """
  static let subnetNumbersOwned = "SELECT dhcp_id FROM subnets WHERE owner = ? LIMIT ?"
  static let subnetNumbersFree = "SELECT dhcp_id FROM subnets WHERE owner IS NULL LIMIT ?"

  static let subnetStatements = [
    subnet, subnetNamed, insertSubnet, updateSubnetDocument, updateProgress, deleteSubnet, lastSubnet, subnetsAll,
    subnetsFabric, subnetsOwner, subnetNumbersOwned, subnetNumbersFree,
  ]
}

extension SQLiteTables: SubnetTables {
  func subnet(_ dhcpID: DHCPSubnetID) throws -> SubnetRow? {
    var query = try Query(self, SQL.subnet)
    query.bind(dhcpID)
    return try query.step() ? row(query) : nil
  }

  func subnet(named name: SubnetName) throws -> SubnetRow? {
    var query = try Query(self, SQL.subnetNamed)
    query.bind(name.text)
    return try query.step() ? row(query) : nil
  }

  private func row(_ query: borrowing Query) throws -> SubnetRow {
    var progress = SubnetProgress(changedAt: query.timestamp(14))
    progress.owner = try query.optionalName(2)
    progress.epoch = Epoch(UInt64(bitPattern: query.int(3)))
    progress.head = query.generation(4)
    progress.digest = SubnetDigest(bits: query.uint128(5))
    progress.headerGeneration = query.generation(6)
    progress.collected = query.generation(8)
    progress.bindings = Int(query.int(9))
    progress.reservations = Int(query.int(10))
    progress.applied = query.generation(11)
    progress.appliedDigest = SubnetDigest(bits: query.uint128(12))
    progress.appliedAt = query.optionalTimestamp(13)
    progress.rejected = Int(query.int(15))
    progress.trouble = query.optionalText(16).map { SubnetTrouble(code: $0, message: query.text(17)) }
    return SubnetRow(
      subnet: try SubnetDocument.decode(query.bytes(1), dhcpID: query.dhcpID(0)), progress: progress,
      headerHash: RowHash(bits: query.uint128(7)), autoCursor: query.optionalAddress(18),
      retired: try SubnetDocument.decodeRetired(query.bytes(19)))
  }

  private func bindProgress(_ row: SubnetRow, _ query: inout Query) {
    let progress = row.progress
    query.bind(progress.owner?.text)
    query.bind(progress.epoch.number)
    query.bind(progress.head)
    query.bind(progress.digest.bits)
    query.bind(progress.headerGeneration)
    query.bind(row.headerHash.bits)
    query.bind(progress.collected)
    query.bind(Int64(progress.bindings))
    query.bind(Int64(progress.reservations))
    query.bind(progress.applied)
    query.bind(progress.appliedDigest.bits)
    query.bind(progress.appliedAt)
    query.bind(progress.changedAt)
    query.bind(Int64(progress.rejected))
    query.bind(progress.trouble?.code)
    query.bind(progress.trouble?.message)
    query.bind(row.autoCursor)
    query.bind(row.retired.isEmpty ? [] : SubnetDocument.encode(row.retired))
  }

  func insertSubnet(_ row: SubnetRow) throws {
    var query = try Query(self, SQL.insertSubnet)
    query.bind(row.subnet.dhcpID)
    query.bind(row.subnet.name.text)
    query.bind(row.subnet.spec.fabric.text)
    query.bind(row.subnet.prefix.network)
    query.bind(SubnetDocument.encode(row.subnet))
    bindProgress(row, &query)
    try query.run()
    try changeCounter("subnets", by: 1)
  }

  func updateSubnet(_ row: SubnetRow) throws {
    do {
      var query = try Query(self, SQL.updateSubnetDocument)
      query.bind(SubnetDocument.encode(row.subnet))
      query.bind(row.subnet.dhcpID)
      try query.run()
    }
    try updateProgress(row)
  }

  func updateProgress(_ row: SubnetRow) throws {
    var query = try Query(self, SQL.updateProgress)
    bindProgress(row, &query)
    query.bind(row.subnet.dhcpID)
    try query.run()
  }

  func deleteSubnet(_ dhcpID: DHCPSubnetID) throws {
    do {
      var query = try Query(self, SQL.deleteSubnet)
      query.bind(dhcpID)
      try query.run()
    }
    try changeCounter("subnets", by: -1)
  }

  func lastSubnet(in fabric: FabricName, from address: IPv4Address) throws -> Subnet? {
    var query = try Query(self, SQL.lastSubnet)
    query.bind(fabric.text)
    query.bind(address)
    return try query.step() ? row(query).subnet : nil
  }

  /// The key of a page is the network's address and the number, 4 bytes each.
  func subnets(_ filter: SubnetFilter, after key: [UInt8], limit: Int) throws -> Page<SubnetRow> {
    guard limit > 0 else { return Page(items: [], next: key) }
    let position = key.reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let (first, dhcpID) = key.isEmpty ? (Int64(-1), Int64(0)) : (position >> 32, position & 0xffff_ffff)
    var query: Query
    if let owner = filter.owner {
      query = try Query(self, SQL.subnetsOwner)
      query.bind(owner.text)
      query.bind(first)
      query.bind(dhcpID)
    } else if let fabric = filter.fabric {
      query = try Query(self, SQL.subnetsFabric)
      query.bind(fabric.text)
      query.bind(first)
    } else {
      query = try Query(self, SQL.subnetsAll)
      query.bind(first)
      query.bind(dhcpID)
    }
    query.bind(Int64(limit + 1))
    var page = Page<SubnetRow>(items: [], next: nil)
    var last: [UInt8] = key
    var count = 0
    while try query.step() {
      count += 1
      guard count <= limit else {
        page.next = last
        break
      }
      let row = try row(query)
      var sortKey = ByteWriter(reserving: 8)
      sortKey.uint32(row.subnet.prefix.network.bits)
      sortKey.uint32(row.subnet.dhcpID.number)
      last = sortKey.bytes
      if let fabric = filter.fabric, row.subnet.spec.fabric != fabric { continue }
      page.items.append(row)
    }
    return page
  }

  func subnetNumbers(ownedBy agent: AgentName?, limit: Int) throws -> [DHCPSubnetID] {
    var query = try Query(self, agent == nil ? SQL.subnetNumbersFree : SQL.subnetNumbersOwned)
    if let agent { query.bind(agent.text) }
    query.bind(Int64(limit))
    var numbers: [DHCPSubnetID] = []
    while try query.step() { numbers.append(query.dhcpID(0)) }
    return numbers.sorted()
  }

  func subnetCount() throws -> Int { Int(try counter("subnets")) }
}
