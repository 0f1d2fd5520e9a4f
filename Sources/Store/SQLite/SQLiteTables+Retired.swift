internal import Provisioning

extension SQL {
  private static let retiredColumns = "dhcp_id, name, fabric, first, length, owner"
  static let retired = "SELECT \(retiredColumns) FROM retired_subnets WHERE dhcp_id = ?"
  static let retiredOwner = "SELECT \(retiredColumns) FROM retired_subnets WHERE owner = ? LIMIT ?"
  static let lastRetired = """
    SELECT \(retiredColumns) FROM retired_subnets WHERE fabric = ? AND first <= ? ORDER BY first DESC LIMIT 1
    """
  static let insertRetired = "INSERT INTO retired_subnets (\(retiredColumns)) VALUES (?, ?, ?, ?, ?, ?)"
  static let deleteRetired = "DELETE FROM retired_subnets WHERE dhcp_id = ?"

  static let retiredStatements = [retired, retiredOwner, lastRetired, insertRetired, deleteRetired]
}

extension SQLiteTables {
  func retired(_ dhcpID: DHCPSubnetID) throws -> RetiredSubnet? {
    var query = try Query(self, SQL.retired)
    query.bind(dhcpID)
    return try readRetired(&query).first
  }

  func retired(ownedBy agent: AgentName, limit: Int) throws -> [RetiredSubnet] {
    var query = try Query(self, SQL.retiredOwner)
    query.bind(agent.text)
    query.bind(Int64(limit))
    return try readRetired(&query)
  }

  func lastRetired(in fabric: FabricName, from address: IPv4Address) throws -> RetiredSubnet? {
    var query = try Query(self, SQL.lastRetired)
    query.bind(fabric.text)
    query.bind(address)
    return try readRetired(&query).first
  }

  private func readRetired(_ query: inout Query) throws -> [RetiredSubnet] {
    var subnets: [RetiredSubnet] = []
    while try query.step() {
      let prefix = try readingStored("prefix") {
        try IPv4Prefix(network: query.address(3), length: Int(query.int(4)))
      }
      subnets.append(
        RetiredSubnet(
          dhcpID: query.dhcpID(0), name: try query.name(1), fabric: try query.name(2), prefix: prefix,
          owner: try query.name(5)))
    }
    return subnets
  }

  func insertRetired(_ subnet: RetiredSubnet) throws {
    var query = try Query(self, SQL.insertRetired)
    query.bind(subnet.dhcpID)
    query.bind(subnet.name.text)
    query.bind(subnet.fabric.text)
    query.bind(subnet.prefix.network)
    query.bind(Int64(subnet.prefix.length))
    query.bind(subnet.owner.text)
    try query.run()
  }

  func deleteRetired(_ dhcpID: DHCPSubnetID) throws {
    var query = try Query(self, SQL.deleteRetired)
    query.bind(dhcpID)
    try query.run()
  }
}
