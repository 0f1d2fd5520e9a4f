internal import Provisioning
package import RPC
internal import Store
package import Wire

extension AgentHandler {
  /// Marks the agent as draining. Its session tells it to leave its subnets one by one; each moves when the agent has
  /// said that it stopped, so that no address has two servers. The answer tells where they will go.
  package func drainAgent(
    _ request: MusterV1.DrainAgentRequest, context call: ServerContext
  ) async throws -> MusterV1.DrainAgentResponse {
    let name = try Self.name(request.name)
    let placement = Placement(online: context.sessions.onlineAgents())
    let isOnline = context.sessions.isOnline(name)
    let isRehearsal = request.validateOnly
    return try await writes.run(request, id: request.requestId, validateOnly: isRehearsal, call: call) {
      transaction, actor in
      guard let agent = try transaction.agent(named: name) else { throw Refusal.unknownAgent(name.text) }
      guard agent.state != .pending else {
        throw Self.refused("AGENT_PENDING", "agent \(name) never enrolled; remove it with 'muster agent remove \(name)'.")
      }
      let owned = try transaction.subnets(ownedBy: name)
      guard owned.isEmpty || isOnline else {
        throw Self.refused(
          "AGENT_OFFLINE",
          "agent \(name) is offline and cannot hand its subnets over. Start it, or if its host is off: "
            + "'muster agent remove \(name) --force'.")
      }
      var response = MusterV1.DrainAgentResponse()
      for row in owned {
        let next = placement.successor(
          of: name, for: row, among: try transaction.candidates(for: row.subnet.spec), onlyOnline: true)
        if next == nil, !isRehearsal { throw Self.nobodyElse(than: name, for: row.subnet.name) }
        response.moves.append(MusterV1.SubnetMove(row, from: name, to: next, epoch: row.progress.epoch.next))
        response.generations.append(
          MusterV1.SubnetGeneration(subnet: row.subnet.name.text, generation: row.progress.head.number))
      }
      guard agent.state == .enrolled else { return response }
      if response.moves.isEmpty {
        _ = try transaction.setState(.drained, of: name)
        try transaction.record(Event(.agentDrained, actor: actor, agent: name, message: "\(name) is drained"))
      } else {
        _ = try transaction.setState(.draining, of: name)
        try transaction.record(
          Event(
            .agentDraining, actor: actor, agent: name,
            message: "\(name) hands over \(response.moves.count) \(response.moves.count == 1 ? "subnet" : "subnets")"))
      }
      return response
    }
  }

  /// Makes the agent eligible again. What it was told to leave and has not left yet stays its own, at a new epoch.
  package func undrainAgent(
    _ request: MusterV1.UndrainAgentRequest, context call: ServerContext
  ) async throws -> MusterV1.Agent {
    let name = try Self.name(request.name)
    let placement = context.placement
    let actor = call.recordedActor
    let sessions = context.sessions
    return try await context.store.write { transaction in
      guard var agent = try transaction.agent(named: name) else { throw Refusal.unknownAgent(name.text) }
      if agent.state == .draining || agent.state == .drained {
        agent = try transaction.setState(.enrolled, of: name)
        for row in try transaction.subnets(ownedBy: name) {
          try transaction.raiseEpoch(of: row.subnet.dhcpID, above: row.progress.epoch.next)
        }
        try placement.placeUnowned(in: &transaction)
        try transaction.record(
          Event(.agentUndrained, actor: actor, agent: name, message: "\(name) is eligible again"))
      }
      return try MusterV1.Agent(agent, in: transaction, sessions)
    }
  }

  private static func nobodyElse(than agent: AgentName, for subnet: SubnetName) -> RPCError {
    refused(
      "NO_OTHER_AGENT",
      "no other online agent can serve \(subnet); give it one with "
        + "'muster subnet update \(subnet) --agents \(agent),OTHER'. Nothing was moved.")
  }

  private static func refused(_ reason: String, _ message: String) -> RPCError {
    ErrorDetails(reason: reason).error(.failedPrecondition, message)
  }
}
