internal import ArgumentParser
internal import RPC
internal import Wire

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "The pserv agents of the racks.",
    subcommands: [
      AgentList.self, AgentShow.self, AgentAdd.self, AgentToken.self, AgentRemove.self, AgentDrain.self,
      AgentUndrain.self,
    ])
}

extension RegionConnection {
  var agents: MusterV1.AgentServiceClient { MusterV1.AgentServiceClient(channel: channel) }

  func agent(_ name: String) async throws -> MusterV1.Agent {
    var request = MusterV1.GetAgentRequest()
    request.name = name
    return try await agents.getAgent(request, options: options)
  }
}

struct AgentList: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "All agents.")
  @OptionGroup var global: GlobalOptions

  func run(_ region: RegionConnection) async throws {
    var agents: [MusterV1.Agent] = []
    try await Paging.all { token in
      var request = MusterV1.ListAgentsRequest()
      request.pageSize = Paging.size
      request.pageToken = token
      let page = try await region.agents.listAgents(request, options: region.options)
      agents += page.agents
      return page.nextPageToken
    }
    ListOutput(region: region, noun: "agent", plural: "agents", name: \.name, json: \.json)
      .write(agents, table: { AgentTable(agents: $0, now: region.surroundings.now()).table })
  }
}

struct AgentShow: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "One agent with its links.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The agent's name.") var name: String

  func run(_ region: RegionConnection) async throws {
    let agent = try await region.agent(name)
    let surroundings = region.surroundings
    switch region.format {
    case .json: surroundings.output(agent.json.text)
    case .name: surroundings.output("agent/\(agent.name)")
    case .table:
      surroundings.writeOutput(
        AgentTable(agents: [agent], now: surroundings.now()).table.text(color: surroundings.usesColor))
      var links = Table("LINK", "FABRIC", "STATE", "ADDRESSES")
      for link in agent.links {
        links.add(
          Table.Cell(link.interface), Table.Cell(link.fabric), Table.Cell(link.up ? "up" : "down", link.up ? .good : .failing),
          Table.Cell(link.addresses.joined(separator: " ")))
      }
      if !links.rows.isEmpty { surroundings.writeOutput("\n" + links.text(color: surroundings.usesColor)) }
      for warning in agent.warnings { surroundings.output("warning: \(warning)") }
    }
  }
}

struct AgentAdd: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Announce an agent and get its one-time enrolment token.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The agent's name, as its pserv.yaml says.") var name: String
  @Option(help: "Idempotency key: a repeat within 24 hours returns the first answer.") var requestID: String?

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.CreateAgentRequest()
    request.name = name
    request.requestId = requestID ?? ""
    let response = try await region.agents.createAgent(request, options: region.options)
    TokenOutput(region: region, name: name, verb: "added").write(response)
  }
}

struct AgentToken: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "A new one-time token for an agent that lost its identity; the old identity ends.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The agent's name.") var name: String

  func prepare(_ surroundings: Surroundings) throws {
    try confirmation.confirm("The present identity of agent \(name) ends.", surroundings)
  }

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.ReissueTokenRequest()
    request.name = name
    let response = try await region.agents.reissueToken(request, options: region.options)
    TokenOutput(region: region, name: name, verb: "updated").write(response)
  }
}

/// The token alone on stdout, so that it can be piped into the agent's file; words on stderr.
private struct TokenOutput {
  var region: RegionConnection
  var name: String
  var verb: String

  func write(_ response: MusterV1.CreateAgentResponse) {
    let surroundings = region.surroundings
    if region.format == .json {
      surroundings.output(
        JSONValue.object([
          "agent": response.agent?.json ?? .null, "enrollment_token": .string(response.enrollmentToken),
        ]).text)
      return
    }
    surroundings.note("agent/\(name) \(verb); its enrolment token (valid 24h, for one use) is shown only now:")
    surroundings.output(response.enrollmentToken)
    surroundings.hint("put it in the token_file of \(name)'s pserv.yaml")
  }
}

struct AgentRemove: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove an agent.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The agent's name.") var name: String
  @Flag(help: "Move its subnets although it cannot hand them over. Make sure its host is off: else two servers may answer.")
  var force = false
  @Option(help: "Idempotency key.") var requestID: String?

  func prepare(_ surroundings: Surroundings) throws {
    try confirmation.confirm("Remove agent \(name)?", surroundings)
  }

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.DeleteAgentRequest()
    request.name = name
    request.force = force
    request.requestId = requestID ?? ""
    let response = try await region.agents.deleteAgent(request, options: region.options)
    if region.format == .json {
      region.surroundings.output(JSONValue.object(["moves": .array(response.moves.map(\.json))]).text)
      return
    }
    for move in response.moves { region.surroundings.output(move.line) }
    region.surroundings.output("agent/\(name) removed")
  }
}

struct AgentDrain: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Move every subnet of an agent to others that can serve them.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The agent's name.") var name: String
  @Flag(help: "Show what would move.") var dryRun = false

  func run(_ region: RegionConnection) async throws {
    let before = try await region.agent(name)
    var request = MusterV1.DrainAgentRequest()
    request.name = name
    request.validateOnly = dryRun
    let response = try await region.agents.drainAgent(request, options: region.options)
    let surroundings = region.surroundings
    if region.format == .json {
      surroundings.output(JSONValue.object(["moves": .array(response.moves.map(\.json))]).text)
    } else if dryRun || !waiting.wait {
      var table = Table("SUBNET", "FROM", "TO", "NODES")
      for move in response.moves {
        table.add(
          Table.Cell(move.subnet), Table.Cell(move.from),
          move.to.isEmpty ? Table.Cell("none", .failing) : Table.Cell(move.to), Table.Cell(String(move.nodes)))
      }
      surroundings.writeOutput(table.text(color: surroundings.usesColor))
    }
    let stuck = response.moves.filter(\.to.isEmpty)
    if let first = stuck.first, dryRun {
      var sentence =
        "no other online agent can serve \(first.subnet); give it one with\n"
        + "'muster subnet update \(first.subnet) --agents \(name),OTHER'"
      if stuck.count > 1 { sentence += "; the same for \(stuck.dropFirst().map(\.subnet).joined(separator: ", "))" }
      throw CommandFailure(.refused, sentence)
    }
    guard !dryRun else { return }
    guard waiting.wait else {
      if region.format != .json {
        let isDone = response.moves.isEmpty
        let word = !isDone ? "draining" : before.state == .drained ? "unchanged" : "drained"
        surroundings.output("agent/\(name) \(word)")
      }
      return
    }
    let started = surroundings.now()
    let moves = Dictionary(response.moves.map { ($0.subnet, $0.line) }) { $1 }
    try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations, leaving: name) { response in
      let move = moves[response.subnet] ?? response.subnet
      let applied = "\(move)  applied in \(Age.precise(nanoseconds: surroundings.now() - started))"
      return response.detail.isEmpty ? applied : "\(applied), \(response.detail)"
    }
    if region.format != .json { surroundings.output("agent/\(name) drained") }
  }
}

struct AgentUndrain: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "undrain", abstract: "Make a drained agent eligible again.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The agent's name.") var name: String

  func run(_ region: RegionConnection) async throws {
    let before = try await region.agent(name)
    var request = MusterV1.UndrainAgentRequest()
    request.name = name
    let agent = try await region.agents.undrainAgent(request, options: region.options)
    switch region.format {
    case .json: region.surroundings.output(agent.json.text)
    case .name: region.surroundings.output("agent/\(name)")
    case .table: region.surroundings.output("agent/\(name) \(before.state == .drained ? "undrained" : "unchanged")")
    }
  }
}

extension MusterV1.SubnetMove {
  var line: String { "\(subnet)  \(from) -> \(to.isEmpty ? "none" : to)  epoch \(epoch)" }
}
