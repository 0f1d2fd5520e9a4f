internal import Provisioning

extension SQL {
  static let nodesAll = "SELECT sort_key, uid, document FROM nodes WHERE sort_key > ? ORDER BY sort_key LIMIT ?"
  static let nodesPhase = """
    SELECT sort_key, uid, document FROM nodes WHERE phase = ? AND sort_key > ? ORDER BY sort_key LIMIT ?
    """
  static let nodesSubnet = """
    SELECT i.sort_key, i.node, n.document FROM interfaces i CROSS JOIN nodes n ON n.uid = i.node
    WHERE i.dhcp_id = ? AND i.sort_key > ? ORDER BY i.sort_key LIMIT ?
    """
  static let nodesTag = """
    SELECT t.sort_key, t.node, n.document FROM tags t CROSS JOIN nodes n ON n.uid = t.node
    WHERE t.tag = ? AND t.sort_key > ? ORDER BY t.sort_key LIMIT ?
    """

  static let nodeListStatements = [nodesAll, nodesPhase, nodesSubnet, nodesTag]
}

/// Lists follow the index of one filter and check the others row by row.
extension SQLiteTables {
  func nodes(_ filter: NodeFilter, after key: [UInt8], limit: Int, scan: Int) throws -> Page<Node> {
    guard limit > 0 else { return Page(items: [], next: key) }
    if let agent = filter.agent { return try nodes(of: agent, filter, after: key, limit: limit, scan: scan) }
    var page = Page<Node>(items: [], next: nil)
    let query = try driver(filter, after: key, limit: scan)
    var last: [UInt8]?
    var seen = 0
    while try query.step() {
      let sortKey = query.bytes(0)
      seen += 1
      // A node with two interfaces in the subnet comes twice, one after the other.
      if sortKey == last { continue }
      // Full, and here is another: this is not the end.
      if page.items.count == limit {
        page.next = last
        return page
      }
      last = sortKey
      let node = try NodeDocument.decode(query.bytes(2), id: query.identifier(1))
      if passes(node, filter) { page.items.append(node) }
    }
    if seen == scan { page.next = last }
    return page
  }

  private func driver(_ filter: NodeFilter, after key: [UInt8], limit: Int) throws -> Query {
    var query: Query
    if let subnet = filter.subnet {
      query = try Query(self, SQL.nodesSubnet)
      query.bind(subnet)
    } else if let tag = filter.tag {
      query = try Query(self, SQL.nodesTag)
      query.bind(tag.text)
    } else if let state = filter.state {
      query = try Query(self, SQL.nodesPhase)
      query.bind(state.phase)
    } else {
      query = try Query(self, SQL.nodesAll)
    }
    query.bind(key)
    query.bind(Int64(limit))
    return query
  }

  private func passes(_ node: Node, _ filter: NodeFilter) -> Bool {
    (filter.tag.map { node.spec.tags.contains($0) } ?? true)
      && (filter.state.map { node.state.phase == $0.phase } ?? true)
  }

  /// The subnets of an agent, merged: each is read up to the limit and the smallest names win.
  private func nodes(
    of agent: AgentName, _ filter: NodeFilter, after key: [UInt8], limit: Int, scan: Int
  ) throws -> Page<Node> {
    var subnets = try subnetNumbers(ownedBy: agent, limit: StoreLimits.subnetsMax)
    if let subnet = filter.subnet { subnets = subnets.filter { $0 == subnet } }
    guard !subnets.isEmpty else { return Page(items: [], next: nil) }
    var one = filter
    one.agent = nil
    var found: [NodeName: Node] = [:]
    // Up to here every subnet was read; what lies beyond is for the next piece.
    var end: [UInt8]?
    for subnet in subnets {
      one.subnet = subnet
      let page = try nodes(one, after: key, limit: limit, scan: max(limit + 1, scan / subnets.count))
      for node in page.items { found[node.name] = node }
      if let next = page.next, end.map({ next.lexicographicallyPrecedes($0) }) ?? true { end = next }
    }
    var nodes = found.values.sorted { $0.name < $1.name }
    if let end { nodes.removeAll { end.lexicographicallyPrecedes($0.name.sortKey) } }
    guard nodes.count > limit else { return Page(items: nodes, next: end) }
    nodes.removeSubrange(limit...)
    return Page(items: nodes, next: nodes.last?.name.sortKey)
  }
}
