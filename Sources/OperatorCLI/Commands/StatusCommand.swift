internal import ArgumentParser
internal import RPC
internal import Wire

struct StatusCommand: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "The region, its subnets, nodes, agents and problems at a glance.")

  @OptionGroup var global: GlobalOptions

  @Flag(help: "End with status 8 when something is wrong.")
  var check = false

  func run(_ region: RegionConnection) async throws {
    let status = try await MusterV1.RegionServiceClient(channel: region.channel)
      .getStatus(MusterV1.GetStatusRequest(), options: region.options)
    let surroundings = region.surroundings
    switch region.format {
    case .json: surroundings.output(status.json.text)
    case .name: for agent in status.agents { surroundings.output("agent/\(agent.name)") }
    case .table:
      surroundings.writeOutput(
        StatusReport(status: status, region: region.target.address, now: surroundings.now())
          .text(color: surroundings.usesColor))
    }
    if check && !status.healthy { throw CommandFailure(.unhealthy, "") }
  }
}

/// `muster status` as text.
struct StatusReport {
  var status: MusterV1.GetStatusResponse
  var region: String
  var now: Int64

  func text(color: Bool) -> String {
    func tone(_ text: String, _ tone: Table.Tone) -> String { color ? Table.paint(text, tone) : text }
    let health = status.healthy ? tone("healthy", .good) : tone("unhealthy", .failing)
    var out = "REGION    \(region)  \(health)  \(status.version)  up \(Age.text(since: status.startTime, now: now))\n"
    let changes = "behind (\(status.changesBehind) change\(status.changesBehind == 1 ? "" : "s") to apply)"
    out += "SUBNETS   "
    out += Self.counts(
      of: status.subnets, [(status.subnetsServed, "served"), (status.subnetsBehind, tone(changes, .behind))])
    out += "NODES     "
    out += Self.counts(
      of: status.nodes,
      [(status.nodesServed, "served"), (status.nodesBehind, tone("behind", .behind)), (status.nodesNew, "new")])
    if status.problems.isEmpty {
      out += "PROBLEMS  none\n"
    } else {
      for (index, problem) in status.problems.enumerated() {
        out += index == 0 ? "PROBLEMS  " : "          "
        out += tone(problem.subject, .failing) + ": " + problem.message
        out += problem.fix.isEmpty ? "\n" : "; \(problem.fix)\n"
      }
    }
    guard !status.agents.isEmpty else { return out }
    return out + "\n" + AgentTable(agents: status.agents, now: now).table.text(color: color)
  }

  /// `3: 2 served, 1 new`, without what is zero; what no part counts is not served.
  static func counts(of total: UInt64, _ parts: [(UInt64, String)]) -> String {
    let rest = total - min(total, parts.reduce(0) { $0 + $1.0 })
    let words = (parts + [(rest, "not served")]).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "\(total): \(words.isEmpty ? "none" : words.joined(separator: ", "))\n"
  }
}

/// The agents as rows.
struct AgentTable {
  var agents: [MusterV1.Agent]
  var now: Int64

  var table: Table {
    var table = Table("AGENT", "STATE", "SUBNETS", "BEHIND", "LAG", "NODES", "SEEN")
    for agent in agents {
      let lag = agent.lag.map { $0.seconds * 1_000_000_000 + Int64($0.nanos) } ?? 0
      table.add(
        Table.Cell(agent.name), Table.Cell(agent.state.word, agent.state.tone),
        Table.Cell(String(agent.subnets)), Table.Cell(String(agent.behind), agent.behind > 0 ? .behind : .plain),
        Table.Cell(Age.text(nanoseconds: lag)), Table.Cell(String(agent.nodes)),
        Table.Cell(Age.text(since: agent.lastSeenTime, now: now)))
    }
    return table
  }
}

extension MusterV1.AgentState {
  var word: String {
    switch self {
    case .pending: "pending"
    case .online: "online"
    case .offline: "offline"
    case .drained: "drained"
    case .unspecified, .unrecognized: "-"
    }
  }

  var tone: Table.Tone {
    switch self {
    case .online: .good
    case .pending, .drained: .behind
    case .offline: .failing
    case .unspecified, .unrecognized: .plain
    }
  }
}
