internal import ArgumentParser
internal import RPC
internal import Wire

struct ExplainCommand: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Why a machine boots or does not. Ends with status 8 when it does not.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "A node's name or a MAC address.") var name: String

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.ExplainNodeRequest()
    request.name = name
    let response = try await region.nodes.explainNode(request, options: region.options)
    let surroundings = region.surroundings
    switch region.format {
    case .json: surroundings.output(response.json.text)
    case .name: surroundings.output("node/\(response.node?.name ?? name)")
    case .table:
      surroundings.writeOutput(
        ExplainReport(response: response, now: surroundings.now()).text(color: surroundings.usesColor))
    }
    if !response.healthy { throw CommandFailure(.unhealthy, "") }
  }
}

/// `muster explain` as text.
struct ExplainReport {
  var response: MusterV1.ExplainNodeResponse
  var now: Int64

  func text(color: Bool) -> String {
    let node = response.node ?? MusterV1.Node()
    let verdict = response.healthy ? "ok" : "NOT BOOTING"
    let shown = color ? Table.paint(verdict, response.healthy ? .good : .failing) : verdict
    var out = "node/\(node.name)  \(node.state.title.isEmpty ? "-" : node.state.title)  \(shown)\n"
    for why in response.why { out += "why   \(why)\n" }
    // Several findings may have one way out.
    var said: Set<String> = []
    for fix in response.fix where said.insert(fix).inserted { out += "fix   \(fix)\n" }
    out += "\n" + wanted(node) + applied(node) + lease() + boot()
    return out
  }

  private func wanted(_ node: MusterV1.Node) -> String {
    let interface = node.bootInterface ?? MusterV1.NetworkInterface()
    var parts = ["\(interface.subnet.isEmpty ? "-" : interface.subnet) \(interface.address.isEmpty ? "-" : interface.address)"]
    if let head = node.status?.head, head > 0 { parts.append("generation \(head)") }
    if !response.actor.isEmpty { parts.append("by \(response.actor)") }
    if let time = response.changeTime { parts.append("\(time.text) (\(Age.text(since: time, now: now)))") }
    return "wanted   " + parts.joined(separator: "  ") + "\n"
  }

  private func applied(_ node: MusterV1.Node) -> String {
    guard let status = node.status, !status.agent.isEmpty else { return "applied  nowhere\n" }
    return "applied  generation \(status.applied) on \(status.agent), epoch \(status.epoch)\n"
  }

  private func lease() -> String {
    guard !response.leaseAddress.isEmpty else { return "lease    none seen\n" }
    return "lease    \(response.leaseAddress) until \(response.leaseUntil?.text ?? "-")\n"
  }

  private func boot() -> String {
    guard !response.boot.isEmpty else { return "boot     none seen\n" }
    let steps = response.boot.map { step in
      "\(step.stage.word) \(step.failed ? "FAILED " : "")\(step.time?.timeText ?? "-")"
    }
    return "boot     " + steps.joined(separator: "  ") + "\n"
  }
}

extension MusterV1.ExplainNodeResponse {
  var json: JSONValue {
    .object([
      "node": node?.json ?? .null, "healthy": .bool(healthy), "reason": .string(reason), "why": .strings(why),
      "fix": .strings(fix), "actor": .string(actor), "change_time": changeTime.json,
      "lease_address": .string(leaseAddress), "lease_until": leaseUntil.json,
      "boot": .array(
        boot.map { step in
          .object([
            "stage": .string(step.stage.jsonWord), "time": step.time.json, "failed": .bool(step.failed),
            "detail": .string(step.detail),
          ])
        }),
    ])
  }
}
