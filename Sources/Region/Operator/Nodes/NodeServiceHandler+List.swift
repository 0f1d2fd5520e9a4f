internal import Provisioning
package import RPC
internal import Store
package import Wire

extension NodeServiceHandler {
  package func listNodes(
    _ request: MusterV1.ListNodesRequest, context call: ServerContext
  ) async throws -> MusterV1.ListNodesResponse {
    try await answering {
      let query = try NodeQuery(
        subnet: request.subnet, state: request.state, tag: request.tag, agent: request.agent)
      let page = try PageRequest(size: request.pageSize, token: request.pageToken, query: query.page)
      return try await context.store.read { snapshot in
        let filter = try query.filter(in: snapshot)
        var statuses = NodeStatusReader()
        var response = MusterV1.ListNodesResponse()
        let nodes = try page.fill { try snapshot.nodes(filter, after: $0, limit: $1) }
        response.nodes = try nodes.items.map { MusterV1.Node($0, try statuses.standing(of: $0, in: snapshot)) }
        response.nextPageToken = page.token(after: nodes.next)
        response.totalSize = try query.estimate(filter, in: snapshot)
        return response
      }
    }
  }

  /// Nodes of one read of the store; between two reads writers go on.
  private static let exportPage = 500

  package func exportNodes(
    _ request: MusterV1.ExportNodesRequest, responses: ResponseWriter<MusterV1.Node>, context call: ServerContext
  ) async throws {
    try await answering {
      let query = try NodeQuery(subnet: request.subnet, state: request.state, tag: request.tag, agent: "")
      let filter = try await context.store.read { try query.filter(in: $0) }
      var key: [UInt8]? = []
      while let after = key {
        let page = try await context.store.read { try $0.nodes(filter, after: after, limit: Self.exportPage) }
        for node in page.items { try await responses.write(MusterV1.Node(node)) }
        key = page.next
      }
    }
  }
}

/// Which nodes a list asks for, before it is known whether what it names exists.
struct NodeQuery: Sendable, Hashable {
  private var subnet: SubnetName?
  private var state: NodeState?
  private var tag: Tag?
  private var agent: AgentName?

  /// - Throws: `InvalidFields` with every filter that cannot be read.
  init(subnet: String, state: MusterV1.NodeState, tag: String, agent: String) throws(InvalidFields) {
    var problems = Problems()
    self.subnet = subnet.isEmpty ? nil : problems.name("subnet", subnet, SubnetKind.self)
    self.agent = agent.isEmpty ? nil : problems.name("agent", agent, AgentKind.self)
    if !tag.isEmpty {
      do { self.tag = try Tag(tag) } catch {
        problems.add("tag", tag, error.code, "\(error)", fix: error.fix)
      }
    }
    if state != .unspecified {
      self.state = NodeState(filter: state)
      if self.state == nil {
        problems.add("state", "\(state.rawValue)", .numberOutOfRange, "is not a state", fix: "leave it out")
      }
    }
    try problems.check()
  }

  /// What a page token of this query is bound to.
  var page: PageQuery {
    PageQuery(
      "ListNodes",
      filters: [
        "subnet": subnet?.text ?? "", "state": state?.word ?? "", "tag": tag?.text ?? "", "agent": agent?.text ?? "",
      ], order: "name")
  }

  /// - Throws: `Refusal.unknownSubnet`, `Refusal.unknownAgent`: an empty list would hide a slip of the finger.
  func filter(in snapshot: borrowing Snapshot) throws -> NodeFilter {
    var filter = NodeFilter(state: state, tag: tag, agent: agent)
    if let subnet {
      guard let row = try snapshot.subnet(named: subnet) else { throw Refusal.unknownSubnet(subnet.text) }
      filter.subnet = row.subnet.dhcpID
    }
    if let agent, try snapshot.agent(named: agent) == nil { throw Refusal.unknownAgent(agent.text) }
    return filter
  }

  /// About how many nodes match; costs the same however many there are. 0 when no count is kept.
  func estimate(_ filter: NodeFilter, in snapshot: borrowing Snapshot) throws -> UInt64 {
    if tag != nil || agent != nil || (state != nil && filter.subnet != nil) { return 0 }
    if let id = filter.subnet { return UInt64(try snapshot.subnet(id)?.progress.bindings ?? 0) }
    let counts = try snapshot.nodeCounts()
    return UInt64(counts.reduce(0) { $0 + (state == nil || $1.key.word == state?.word ? $1.value : 0) })
  }
}

extension NodeState {
  /// A state a list can ask for; failed in whatever work.
  init?(filter message: MusterV1.NodeState) {
    switch message {
    case .new: self = .new
    case .commissioning: self = .commissioning
    case .ready: self = .ready
    case .allocated: self = .allocated
    case .deploying: self = .deploying
    case .deployed: self = .deployed
    case .releasing: self = .releasing
    case .failed: self = .failed(during: .deploying)
    case .unspecified, .unrecognized: return nil
    }
  }
}
