internal import Provisioning

extension SQL {
  static let agent = "SELECT document FROM agents WHERE name = ?"
  static let agentCredential = "SELECT document FROM agents WHERE credential = ? AND credential IS NOT NULL"
  static let agents = "SELECT document FROM agents WHERE sort_key > ? ORDER BY sort_key LIMIT ?"
  static let insertAgent = "INSERT INTO agents (name, sort_key, document) VALUES (?, ?, ?)"
  static let updateAgent = "UPDATE agents SET document = ? WHERE name = ?"
  static let deleteAgent = "DELETE FROM agents WHERE name = ?"
  static let secrets = "SELECT token, token_expires, attempt, credential FROM agents WHERE name = ?"
  static let setSecrets = """
    UPDATE agents SET token = ?, token_expires = ?, attempt = ?, credential = ? WHERE name = ?
    """
  static let deleteLinkAddresses = "DELETE FROM agent_addresses WHERE agent = ?"
  static let insertLinkAddress = """
    INSERT INTO agent_addresses (fabric, address, agent) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
    """
  static let linkAddresses = """
    SELECT address, agent FROM agent_addresses WHERE fabric = ? AND address BETWEEN ? AND ? ORDER BY address LIMIT ?
    """
  static let bootFiles = "SELECT path, sha256, size FROM boot_files WHERE agent = ? ORDER BY path"
  static let deleteBootFiles = "DELETE FROM boot_files WHERE agent = ?"
  static let insertBootFile = """
    INSERT INTO boot_files (agent, path, sha256, size) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET sha256 = excluded.sha256, size = excluded.size
    """
  static let rejections = "SELECT mac, code, message FROM rejections WHERE dhcp_id = ? ORDER BY mac LIMIT ?"
  static let rejection = "SELECT mac, code, message FROM rejections WHERE dhcp_id = ? AND mac = ?"
  static let deleteRejections = "DELETE FROM rejections WHERE dhcp_id = ?"
  static let insertRejection = """
    INSERT INTO rejections (dhcp_id, mac, code, message) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET code = excluded.code, message = excluded.message
    """

  static let agentStatements = [
    agent, agentCredential, agents, insertAgent, updateAgent, deleteAgent, secrets, setSecrets, deleteLinkAddresses,
    insertLinkAddress, linkAddresses, bootFiles, deleteBootFiles, insertBootFile, rejections, rejection,
    deleteRejections, insertRejection,
  ]
}

extension SQLiteTables: AgentTables {
  func agent(_ name: AgentName) throws -> Agent? {
    var query = try Query(self, SQL.agent)
    query.bind(name.text)
    return try query.step() ? AgentDocument.decode(query.bytes(0)) : nil
  }

  func agent(credential sha256: [UInt8]) throws -> Agent? {
    var query = try Query(self, SQL.agentCredential)
    query.bind(sha256)
    return try query.step() ? AgentDocument.decode(query.bytes(0)) : nil
  }

  func agents(after key: [UInt8], limit: Int) throws -> Page<Agent> {
    guard limit > 0 else { return Page(items: [], next: key) }
    var query = try Query(self, SQL.agents)
    query.bind(key)
    query.bind(Int64(limit + 1))
    var page = Page<Agent>(items: [], next: nil)
    while try query.step() {
      guard page.items.count < limit else {
        page.next = page.items.last?.name.sortKey
        break
      }
      page.items.append(try AgentDocument.decode(query.bytes(0)))
    }
    return page
  }

  func agentCount() throws -> Int { Int(try counter("agents")) }

  func insertAgent(_ agent: Agent) throws {
    do {
      var query = try Query(self, SQL.insertAgent)
      query.bind(agent.name.text)
      query.bind(agent.name.sortKey)
      query.bind(AgentDocument.encode(agent))
      try query.run()
    }
    try changeCounter("agents", by: 1)
  }

  func updateAgent(_ agent: Agent) throws {
    var query = try Query(self, SQL.updateAgent)
    query.bind(AgentDocument.encode(agent))
    query.bind(agent.name.text)
    try query.run()
  }

  func deleteAgent(_ name: AgentName) throws {
    try delete(SQL.deleteAgent, name)
    try changeCounter("agents", by: -1)
  }

  private func delete(_ sql: String, _ name: AgentName) throws {
    var query = try Query(self, sql)
    query.bind(name.text)
    try query.run()
  }

  func secrets(of agent: AgentName) throws -> AgentSecrets? {
    var query = try Query(self, SQL.secrets)
    query.bind(agent.text)
    guard try query.step() else { return nil }
    return AgentSecrets(
      token: query.optionalBytes(0), tokenExpires: query.optionalTimestamp(1), attempt: query.optionalBytes(2),
      credential: query.optionalBytes(3))
  }

  func setSecrets(_ secrets: AgentSecrets, of agent: AgentName) throws {
    var query = try Query(self, SQL.setSecrets)
    query.bind(secrets.token)
    query.bind(secrets.tokenExpires)
    query.bind(secrets.attempt)
    query.bind(secrets.credential)
    query.bind(agent.text)
    try query.run()
  }

  func setLinkAddresses(_ links: [AgentLink], of agent: AgentName) throws {
    try delete(SQL.deleteLinkAddresses, agent)
    for link in links {
      for address in link.addresses {
        var query = try Query(self, SQL.insertLinkAddress)
        query.bind(link.fabric.text)
        query.bind(address)
        query.bind(agent.text)
        try query.run()
      }
    }
  }

  func linkAddresses(in fabric: FabricName, _ range: AddressRange, limit: Int) throws -> [(IPv4Address, AgentName)] {
    var query = try Query(self, SQL.linkAddresses)
    query.bind(fabric.text)
    query.bind(range.first)
    query.bind(range.last)
    query.bind(Int64(limit))
    var addresses: [(IPv4Address, AgentName)] = []
    while try query.step() { addresses.append((query.address(0), try query.name(1))) }
    return addresses
  }

  func bootFiles(of agent: AgentName) throws -> [BootFile] {
    var query = try Query(self, SQL.bootFiles)
    query.bind(agent.text)
    var files: [BootFile] = []
    while try query.step() {
      let path = try readingStored("boot file") { try BootPath(query.text(0)) }
      files.append(BootFile(path: path, sha256: query.optionalBytes(1), sizeBytes: UInt64(bitPattern: query.int(2))))
    }
    return files
  }

  func setBootFiles(_ files: [BootFile], of agent: AgentName) throws {
    try delete(SQL.deleteBootFiles, agent)
    for file in files {
      var query = try Query(self, SQL.insertBootFile)
      query.bind(agent.text)
      query.bind(file.path.text)
      query.bind(file.sha256)
      query.bind(file.sizeBytes)
      try query.run()
    }
  }

  func rejections(_ subnet: DHCPSubnetID, limit: Int) throws -> [Rejection] {
    var query = try Query(self, SQL.rejections)
    query.bind(subnet)
    query.bind(Int64(limit))
    var rejections: [Rejection] = []
    while try query.step() { rejections.append(try rejection(query)) }
    return rejections
  }

  func rejection(_ key: BindingKey) throws -> Rejection? {
    var query = try Query(self, SQL.rejection)
    query.bind(key.subnet)
    query.bind(key.mac)
    return try query.step() ? rejection(query) : nil
  }

  private func rejection(_ query: borrowing Query) throws -> Rejection {
    Rejection(mac: try query.mac(0), code: query.text(1), message: query.text(2))
  }

  func setRejections(_ rejections: [Rejection], _ subnet: DHCPSubnetID) throws {
    do {
      var query = try Query(self, SQL.deleteRejections)
      query.bind(subnet)
      try query.run()
    }
    for rejection in rejections {
      var query = try Query(self, SQL.insertRejection)
      query.bind(subnet)
      query.bind(rejection.mac)
      query.bind(rejection.code)
      query.bind(rejection.message)
      try query.run()
    }
  }
}
