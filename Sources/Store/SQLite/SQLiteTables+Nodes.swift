internal import Provisioning

extension SQL {
  static let node = "SELECT document FROM nodes WHERE uid = ?"
  static let nodeNamed = "SELECT uid FROM nodes WHERE sort_key = ?"
  static let nodeSerial = "SELECT uid FROM nodes WHERE serial = ? LIMIT ?"
  static let nodeUUID = "SELECT uid FROM nodes WHERE uuid = ? LIMIT ?"
  static let nodeUsing = "SELECT name FROM nodes WHERE profile = ? AND profile <> 'local' LIMIT 1"
  static let nodeUsingOnce = "SELECT name FROM nodes WHERE once = ? LIMIT 1"
  static let insertNode = """
    INSERT INTO nodes (uid, sort_key, name, phase, serial, uuid, profile, once, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
  static let updateNode = """
    UPDATE nodes SET phase = ?, serial = ?, uuid = ?, profile = ?, once = ?, document = ? WHERE uid = ?
    """
  static let deleteNode = "DELETE FROM nodes WHERE uid = ?"
  static let interfaces = "SELECT node, node_name, name, fabric FROM interfaces WHERE mac = ?"
  static let insertInterface = """
    INSERT INTO interfaces (mac, fabric, node, name, node_name, dhcp_id, sort_key) VALUES (?, ?, ?, ?, ?, ?, ?)
    """
  static let deleteInterface = "DELETE FROM interfaces WHERE mac = ? AND fabric = ?"
  static let insertTag = "INSERT INTO tags (tag, sort_key, node) VALUES (?, ?, ?)"
  static let deleteTag = "DELETE FROM tags WHERE tag = ? AND sort_key = ?"

  static let nodeStatements = [
    node, nodeNamed, nodeSerial, nodeUUID, nodeUsing, nodeUsingOnce, insertNode, updateNode, deleteNode, interfaces,
    insertInterface, deleteInterface, insertTag, deleteTag,
  ]
}

extension SQLiteTables: NodeTables {
  func node(_ id: NodeID) throws -> Node? {
    var query = try Query(self, SQL.node)
    query.bind(id)
    return try query.step() ? NodeDocument.decode(query.bytes(0), id: id) : nil
  }

  func nodeID(named name: NodeName) throws -> NodeID? {
    var query = try Query(self, SQL.nodeNamed)
    query.bind(name.sortKey)
    return try query.step() ? query.identifier(0) : nil
  }

  func nodeIDs(serial: SerialNumber, limit: Int) throws -> [NodeID] {
    var query = try Query(self, SQL.nodeSerial)
    query.bind(serial.text)
    query.bind(Int64(limit))
    var ids: [NodeID] = []
    while try query.step() { ids.append(query.identifier(0)) }
    return ids.sorted()
  }

  func nodeIDs(uuid: HardwareUUID, limit: Int) throws -> [NodeID] {
    var query = try Query(self, SQL.nodeUUID)
    query.bind(uuid.bits)
    query.bind(Int64(limit))
    var ids: [NodeID] = []
    while try query.step() { ids.append(query.identifier(0)) }
    return ids.sorted()
  }

  func interfaces(with mac: MACAddress) throws -> [Occupancy.MACHolder] {
    var query = try Query(self, SQL.interfaces)
    query.bind(mac)
    var holders: [Occupancy.MACHolder] = []
    while try query.step() {
      let fabric = query.text(3)
      holders.append(
        Occupancy.MACHolder(
          node: query.identifier(0), name: try query.name(1), interface: try query.name(2),
          fabric: fabric.isEmpty ? nil : try query.name(3)))
    }
    return holders
  }

  func insertNode(_ node: Node) throws {
    var query = try Query(self, SQL.insertNode)
    query.bind(node.id)
    query.bind(node.name.sortKey)
    query.bind(node.name.text)
    bindColumns(node, &query)
    try query.run()
  }

  func updateNode(_ node: Node) throws {
    var query = try Query(self, SQL.updateNode)
    bindColumns(node, &query)
    query.bind(node.id)
    try query.run()
  }

  private func bindColumns(_ node: Node, _ query: inout Query) {
    query.bind(node.state.phase)
    query.bind(node.spec.serial?.text)
    query.bind(node.spec.uuid?.bits.octets)
    query.bind(node.spec.bootProfile.text)
    query.bind(node.spec.bootOnce?.text)
    query.bind(NodeDocument.encode(node))
  }

  func deleteNode(_ id: NodeID) throws {
    var query = try Query(self, SQL.deleteNode)
    query.bind(id)
    try query.run()
  }

  func insertInterface(_ row: InterfaceRow) throws {
    var query = try Query(self, SQL.insertInterface)
    query.bind(row.mac)
    query.bind(row.fabric?.text ?? "")
    query.bind(row.node)
    query.bind(row.name.text)
    query.bind(row.nodeName.text)
    query.bind(row.subnet.map { Int64($0.number) })
    query.bind(row.nodeName.sortKey)
    try query.run()
  }

  func deleteInterface(mac: MACAddress, fabric: FabricName?) throws {
    var query = try Query(self, SQL.deleteInterface)
    query.bind(mac)
    query.bind(fabric?.text ?? "")
    try query.run()
  }

  func insertTag(_ tag: Tag, of node: Node) throws {
    var query = try Query(self, SQL.insertTag)
    query.bind(tag.text)
    query.bind(node.name.sortKey)
    query.bind(node.id)
    try query.run()
  }

  func deleteTag(_ tag: Tag, of node: Node) throws {
    var query = try Query(self, SQL.deleteTag)
    query.bind(tag.text)
    query.bind(node.name.sortKey)
    try query.run()
  }

  func changeCount(of state: NodeState, by delta: Int) throws {
    try changeCounter("nodes/\(state.number)", by: Int64(delta))
  }

  func nodeCounts() throws -> [NodeState: Int] {
    var counts: [NodeState: Int] = [:]
    for state in NodeState.all {
      let count = try counter("nodes/\(state.number)")
      if count != 0 { counts[state] = Int(count) }
    }
    return counts
  }

  func node(using profile: ProfileName) throws -> NodeName? {
    for sql in [SQL.nodeUsing, SQL.nodeUsingOnce] {
      var query = try Query(self, sql)
      query.bind(profile.text)
      if try query.step() { return try query.name(0) }
    }
    return nil
  }
}

extension NodeState {
  /// The state's word as a number: all kinds of `failed` are one.
  var phase: Int64 { Int64(number & 0x0f) }
}
