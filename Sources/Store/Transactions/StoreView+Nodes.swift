package import Provisioning

extension StoreView where Self: ~Copyable {
  package func node(_ id: NodeID) throws -> Node? { try tables.node(id) }

  package func node(named name: NodeName) throws -> Node? {
    guard let id = try tables.nodeID(named: name) else { return nil }
    return try tables.node(id)
  }

  /// The nodes with that MAC, one at most in each fabric.
  package func nodes(with mac: MACAddress) throws -> [Node] {
    let ids = try tables.interfaces(with: mac).map(\.node)
    return try Set(ids).sorted().compactMap { try tables.node($0) }
  }

  /// Nodes with that serial number, oldest first, at most `limit`.
  package func nodes(serial: SerialNumber, limit: Int = 16) throws -> [Node] {
    try tables.nodeIDs(serial: serial, limit: limit).compactMap { try tables.node($0) }
  }

  /// Nodes with that UUID, oldest first, at most `limit`.
  package func nodes(uuid: HardwareUUID, limit: Int = 16) throws -> [Node] {
    try tables.nodeIDs(uuid: uuid, limit: limit).compactMap { try tables.node($0) }
  }

  /// Nodes in natural order of their names.
  ///
  /// - Parameter key: `Page.next` of the piece before, or empty.
  package func nodes(_ filter: NodeFilter = NodeFilter(), after key: [UInt8] = [], limit: Int) throws -> Page<Node> {
    try tables.nodes(filter, after: key, limit: min(limit, StoreLimits.pageMax), scan: StoreLimits.scanMax)
  }

  /// How many nodes are in each state. Costs the same however many there are.
  package func nodeCounts() throws -> [NodeState: Int] { try tables.nodeCounts() }

  /// The nodes that a machine could be: with any of its MACs, its serial number or its UUID.
  package func candidates(for report: EnlistmentReport) throws -> [Node] {
    var ids: Set<NodeID> = []
    for mac in report.macs.prefix(EnlistmentReport.macsMax) {
      ids.formUnion(try tables.interfaces(with: mac).map(\.node))
    }
    if let serial = report.serial, !serial.isPlaceholder {
      ids.formUnion(try tables.nodeIDs(serial: serial, limit: 16))
    }
    if let uuid = report.uuid, !uuid.isPlaceholder { ids.formUnion(try tables.nodeIDs(uuid: uuid, limit: 16)) }
    return try ids.sorted().compactMap { try tables.node($0) }
  }

  /// How far the machine got, by stage.
  package func bootReports(of node: NodeID) throws -> [BootReport] {
    try tables.bootReports(of: node).sorted { $0.stage < $1.stage }
  }
}

/// Bounds of reads that callers cannot raise.
package enum StoreLimits {
  /// The most rows in one piece of a list.
  package static let pageMax = 10_000
  /// The most rows a filter looks at for one piece of a list.
  package static let scanMax = 20_000
  /// The most boot profiles.
  package static let profilesMax = 1_000
  /// The most subnets.
  package static let subnetsMax = 1_000_000
  /// The most agents.
  package static let agentsMax = 100_000
  /// The most tombstones deleted with one acknowledgement.
  package static let tombstonesMax = 1_000
  /// The furthest an agent's epoch of a subnet may be ahead of the store's: a restored backup is rarely further behind.
  package static let epochStepMax: UInt64 = 1_000_000
  /// Events are kept this long, in seconds: 7 days.
  package static let eventsKeptSeconds: Int64 = 7 * 86_400
  /// The most events kept.
  package static let eventsMax: UInt64 = 1_000_000
  /// Outcomes of requests are kept this long, in seconds: 24 hours.
  package static let requestsKeptSeconds: Int64 = 86_400
  /// The most outcomes kept; while there are more, the oldest go first.
  package static let requestsMax = 1_000_000
  /// The largest outcome of one request, in octets.
  package static let outcomeOctetsMax = 4 << 20
  /// A lease that ended is remembered this long, in seconds: 1 day.
  package static let endedLeasesKeptSeconds: Int64 = 86_400
  /// The most rows that one step of housekeeping deletes from each table.
  package static let trimMax = 2_000
}
