internal import Logging
internal import Provisioning
package import RPC
internal import Store
internal import Synchronization
package import Wire

/// The operator's service for agents.
package struct AgentHandler: MusterV1.AgentService {
  let context: RegionContext
  let writes: OperatorWrites

  /// How long a one-time token can be used, seconds: 24 h.
  static let tokenSeconds: Int64 = 86_400

  package init(context: RegionContext) {
    self.context = context
    self.writes = OperatorWrites(store: context.store)
  }

  package func listAgents(
    _ request: MusterV1.ListAgentsRequest, context call: ServerContext
  ) async throws -> MusterV1.ListAgentsResponse {
    let query = PageQuery("ListAgents", order: "name")
    let after = try request.pageToken.isEmpty ? [] : PageToken(request.pageToken, for: query).position.first.map { naturalKey($0) } ?? []
    let sessions = context.sessions
    return try await context.store.read { snapshot in
      let page = try snapshot.agents(after: after, limit: PageSize.rows(request.pageSize))
      var response = MusterV1.ListAgentsResponse()
      response.agents = try page.items.map { try MusterV1.Agent($0, in: snapshot, sessions) }
      if page.next != nil, let last = page.items.last {
        response.nextPageToken = PageToken(after: [last.name.text]).text(for: query)
      }
      return response
    }
  }

  package func getAgent(
    _ request: MusterV1.GetAgentRequest, context call: ServerContext
  ) async throws -> MusterV1.Agent {
    try await show(try Self.name(request.name))
  }

  package func createAgent(
    _ request: MusterV1.CreateAgentRequest, context call: ServerContext
  ) async throws -> MusterV1.CreateAgentResponse {
    let name = try Self.name(request.name)
    return try await issue(request, id: request.requestId, call: call) { transaction, actor, hash, expires in
      let agent = try transaction.createAgent(name, token: hash, tokenExpires: expires)
      try transaction.record(Event(.agentAdded, actor: actor, agent: name, message: "agent \(name) announced"))
      return agent
    }
  }

  package func reissueToken(
    _ request: MusterV1.ReissueTokenRequest, context call: ServerContext
  ) async throws -> MusterV1.CreateAgentResponse {
    let name = try Self.name(request.name)
    let response = try await issue(request, id: request.requestId, call: call) { transaction, actor, hash, expires in
      let agent = try transaction.reissueToken(of: name, token: hash, tokenExpires: expires)
      try transaction.record(
        Event(.agentTokenIssued, actor: actor, agent: name, message: "\(name) has a new token; its old identity ended"))
      return agent
    }
    if !response.enrollmentToken.isEmpty { context.sessions.remove(name) }
    return response
  }

  package func deleteAgent(
    _ request: MusterV1.DeleteAgentRequest, context call: ServerContext
  ) async throws -> MusterV1.DeleteAgentResponse {
    let name = try Self.name(request.name)
    let force = request.force
    let placement = Placement(online: context.sessions.onlineAgents().filter { $0 != name })
    let response = try await writes.run(request, id: request.requestId, validateOnly: false, call: call) {
      transaction, actor in
      let owned = try transaction.subnets(ownedBy: name)
      _ = try transaction.removeAgent(name, force: force)
      var response = MusterV1.DeleteAgentResponse()
      for row in owned {
        let (owner, epoch) = try placement.place(row.subnet.dhcpID, in: &transaction, by: actor)
        response.moves.append(MusterV1.SubnetMove(row, from: name, to: owner, epoch: epoch))
      }
      let risk =
        owned.isEmpty
        ? ""
        : " by force; if its host still runs, two servers may answer in \(counted(owned.count, "subnet")). Their next owners "
          + "know the leases that the region has seen; an address it gave since then may be given twice"
      try transaction.record(Event(.agentRemoved, actor: actor, agent: name, message: "agent \(name) removed\(risk)"))
      return response
    }
    context.sessions.remove(name)
    return response
  }

  private func show(_ name: AgentName) async throws -> MusterV1.Agent {
    let sessions = context.sessions
    return try await context.store.read { snapshot in
      guard let agent = try snapshot.agent(named: name) else { throw Refusal.unknownAgent(name.text) }
      return try MusterV1.Agent(agent, in: snapshot, sessions)
    }
  }

  /// Writes an agent with a new one-time token, and returns the token this one time.
  private func issue<Request: Message>(
    _ request: Request, id: String, call: ServerContext,
    _ body: @escaping @Sendable (inout Transaction, Actor, _ hash: [UInt8], _ expires: Timestamp) throws -> Agent
  ) async throws -> MusterV1.CreateAgentResponse {
    let random = context.random
    let token = Secret.text((random(), random(), random(), random()))
    let hash = SecretHash(of: token).octets
    let sessions = context.sessions
    // The answer that is stored for repeats holds no secret; only who caused the write gets it.
    let ran = Flag()
    var response = try await writes.run(request, id: id, validateOnly: false, call: call) { transaction, actor in
      let agent = try body(&transaction, actor, hash, transaction.now.advanced(bySeconds: Self.tokenSeconds))
      ran.raise()
      return MusterV1.CreateAgentResponse(agent: try MusterV1.Agent(agent, in: transaction, sessions))
    }
    if ran.isRaised { response.enrollmentToken = token }
    return response
  }

  static func name(_ text: String) throws -> AgentName {
    do { return try AgentName(text) } catch {
      throw InvalidFields([
        FieldProblem(field: "name", value: text, code: .nameInvalid, message: "\(error)", fix: error.fix)
      ])
    }
  }

  private final class Flag: Sendable {
    private let raised = Mutex(false)
    var isRaised: Bool { raised.withLock { $0 } }
    func raise() { raised.withLock { $0 = true } }
  }
}

extension MusterV1.Agent {
  /// An agent with what it owns and how far it is.
  init(_ agent: Agent, in view: borrowing some StoreView & ~Copyable, _ sessions: SessionRegistry) throws {
    let presence = sessions.presence(of: agent.name)
    var shown = agent
    if let seen = presence?.lastSeen { shown.lastSeen = max(agent.lastSeen ?? seen, seen) }
    self.init(
      shown, isOnline: presence?.isOnline ?? false,
      load: Load(try view.subnets(ownedBy: agent.name), at: view.now),
      links: presence.flatMap { $0.links.isEmpty ? nil : $0.links })
  }
}

extension MusterV1.Agent.Load {
  init(_ rows: [SubnetRow], at now: Timestamp) {
    self.init(subnets: rows.count)
    for row in rows {
      nodes += row.progress.bindings
      guard row.progress.applied < row.progress.head else { continue }
      behind += 1
      lagNanoseconds = max(lagNanoseconds, now.nanoseconds - row.progress.changedAt.nanoseconds)
    }
  }
}

extension MusterV1.SubnetMove {
  init(_ row: SubnetRow, from: AgentName, to: AgentName?, epoch: Epoch) {
    self.init(
      subnet: row.subnet.name.text, from: from.text, to: to?.text ?? "", nodes: UInt64(row.progress.bindings),
      epoch: epoch.number)
  }
}
