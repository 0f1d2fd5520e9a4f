internal import Provisioning
package import RPC
internal import Store
package import Wire

/// How the region is: counts, agents, and what is wrong.
package struct RegionServiceHandler: MusterV1.RegionService, OperatorHandler {
  let context: RegionContext

  package init(context: RegionContext) {
    self.context = context
  }

  /// Subnets of one read of the store.
  private static let page = 1_000
  /// Agents that one answer lists; with 300 octets each they fit a message.
  static let agentsMax = 10_000

  package func getStatus(
    _ request: MusterV1.GetStatusRequest, context call: ServerContext
  ) async throws -> MusterV1.GetStatusResponse {
    try await answering {
      var census = RegionCensus(now: context.clocks.now())
      var key: [UInt8]? = []
      while let after = key {
        let (rows, next) = try await readSubnets(after: after)
        for (row, poolUsed) in rows { census.count(row, poolUsed: poolUsed, sessions: context.sessions) }
        key = next
      }
      let (agents, counts) = try await context.store.read { snapshot in
        (try snapshot.agents(limit: Self.agentsMax).items, try snapshot.nodeCounts())
      }
      for agent in agents { census.count(agent, context.sessions.presence(of: agent.name)) }
      census.count(context.conflicts.conflicts(now: context.clocks.now()))
      let problems = census.facts.problems()
      var response = MusterV1.GetStatusResponse()
      response.version = context.version
      response.startTime = GoogleProtobuf.Timestamp(context.started)
      response.healthy = !problems.contains { $0.severity < .notice }
      response.subnets = UInt64(census.subnets)
      response.subnetsServed = UInt64(census.served)
      response.subnetsBehind = UInt64(census.behind)
      response.changesBehind = census.changesBehind
      response.nodes = UInt64(counts.values.reduce(0, +))
      response.nodesNew = UInt64(counts[.new] ?? 0)
      response.nodesServed = min(UInt64(census.bindingsServed), response.nodes - response.nodesNew)
      response.nodesBehind = min(
        UInt64(census.bindingsBehind), response.nodes - response.nodesNew - response.nodesServed)
      response.problems = problems.map {
        MusterV1.Problem(subject: $0.subject, code: $0.code, message: $0.message, fix: $0.fix)
      }
      response.agents = agents.map { agent in
        let presence = context.sessions.presence(of: agent.name)
        var shown = MusterV1.Agent(
          agent, isOnline: presence?.isOnline ?? false, load: census.loads[agent.name] ?? .init())
        if let seen = presence?.lastSeen { shown.lastSeenTime = GoogleProtobuf.Timestamp(seen) }
        return shown
      }
      return response
    }
  }

  private func readSubnets(after key: [UInt8]) async throws -> ([(SubnetRow, Int)], [UInt8]?) {
    try await context.store.read { snapshot in
      let page = try snapshot.subnets(after: key, limit: Self.page)
      return (try page.items.map { ($0, try snapshot.poolUse(of: $0.subnet)) }, page.next)
    }
  }
}

/// Counts subnets and agents for a status, one at a time, and keeps only those that are worth a word.
struct RegionCensus {
  private(set) var facts: StatusFacts
  private(set) var subnets = 0
  private(set) var served = 0
  /// Subnets that are answered by an older generation, and by how many.
  private(set) var behind = 0
  private(set) var changesBehind: UInt64 = 0
  private(set) var bindingsServed = 0
  private(set) var bindingsBehind = 0
  private(set) var loads: [AgentName: MusterV1.Agent.Load] = [:]

  /// Subnets that are kept for the list of problems; it shows fewer.
  static let factsMax = 1_000

  init(now: Timestamp) {
    facts = StatusFacts(now: now)
  }

  mutating func count(_ row: SubnetRow, poolUsed: Int, sessions: SessionRegistry) {
    let progress = row.progress
    subnets += 1
    if progress.isAnswered, row.subnet.spec.isDHCPOn {
      if progress.behind == 0 {
        served += 1
      } else {
        behind += 1
        changesBehind += progress.behind
      }
      // What waits is counted by generations: an edit is one, and it is one node's.
      let accepted = max(0, progress.bindings - progress.rejected)
      let waiting = min(accepted, Int(clamping: progress.behind))
      bindingsServed += accepted - waiting
      bindingsBehind += waiting
    }
    let isBehind = progress.owner != nil && progress.behind > 0
    if let owner = progress.owner {
      var load = loads[owner] ?? .init()
      load.subnets += 1
      load.nodes += progress.bindings
      if isBehind {
        load.behind += 1
        load.lagNanoseconds = max(load.lagNanoseconds, facts.now.nanoseconds - progress.changedAt.nanoseconds)
      }
      loads[owner] = load
    }
    let fact = StatusFacts.SubnetFact(
      progress: ApplyProgress(row, sessions: sessions), isDHCPEnabled: row.subnet.spec.isDHCPOn,
      nodes: progress.bindings, behindSince: isBehind ? progress.changedAt : nil, poolUsed: poolUsed,
      poolSize: row.subnet.spec.pool.count)
    let isWorthAWord = !StatusFacts(now: facts.now, subnets: [fact]).problems().isEmpty
    if isWorthAWord, facts.subnets.count < Self.factsMax { facts.subnets.append(fact) }
  }

  mutating func count(_ conflicts: [ConflictBoard.Conflict]) {
    facts.conflicts += conflicts.map {
      StatusFacts.Conflict(
        subject: "subnet/\($0.subnet)", message: "the machine \($0.mac) was not taken in: \($0.why)")
    }
  }

  mutating func count(_ agent: Agent, _ presence: SessionRegistry.Presence?) {
    facts.agents.append(
      StatusFacts.AgentFact(
        name: agent.name, isOnline: presence?.isOnline ?? false, lastSeen: presence?.lastSeen ?? agent.lastSeen,
        subnets: loads[agent.name]?.subnets ?? 0, warnings: agent.warnings.map(\.text)))
  }
}
