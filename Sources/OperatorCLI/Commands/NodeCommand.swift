internal import ArgumentParser
internal import RPC
internal import Wire

struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "The machines.",
    subcommands: [
      NodeList.self, NodeShow.self, NodeAdd.self, NodeUpdate.self, NodeRemove.self, NodeAccept.self, NodeBoot.self,
      NodeWait.self, NodeImport.self, NodeExport.self,
    ])
}

extension RegionConnection {
  var nodes: MusterV1.NodeServiceClient { MusterV1.NodeServiceClient(channel: channel) }

  func node(_ name: String) async throws -> MusterV1.Node {
    var request = MusterV1.GetNodeRequest()
    request.name = name
    return try await nodes.getNode(request, options: options)
  }
}

/// A node's state on the command line, in any case.
struct NodeStateArgument: ExpressibleByArgument {
  var state: MusterV1.NodeState

  init?(argument: String) {
    guard let state = MusterV1.NodeState(title: argument) else { return nil }
    self.state = state
  }

  static var allValueStrings: [String] {
    ["new", "commissioning", "ready", "allocated", "deploying", "deployed", "releasing", "failed"]
  }
}

struct NodeList: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Nodes in natural order of names.")
  @OptionGroup var global: GlobalOptions
  @Option(help: "Only nodes in this subnet.") var subnet: String = ""
  @Option(help: "Only nodes in this state.") var state: NodeStateArgument?
  @Option(help: "Only nodes with this tag.") var tag: String = ""
  @Option(help: "Only nodes this agent serves.") var agent: String = ""

  func run(_ region: RegionConnection) async throws {
    let surroundings = region.surroundings
    // Printed page by page: a region has a million nodes. Column widths come from the page.
    var isFirst = true
    var collected: [JSONValue] = []
    try await Paging.all { token in
      var request = MusterV1.ListNodesRequest()
      request.pageSize = Paging.size
      request.pageToken = token
      request.subnet = subnet
      request.state = state?.state ?? .unspecified
      request.tag = tag
      request.agent = agent
      let page = try await region.nodes.listNodes(request, options: region.options)
      switch region.format {
      case .json: collected += page.nodes.map(\.json)
      case .name: surroundings.writeOutput(page.nodes.map { "node/\($0.name)\n" }.joined())
      case .table:
        if page.nodes.isEmpty {
          if isFirst { surroundings.note("No nodes.") }
        } else {
          let text = NodeTable.table(page.nodes, now: surroundings.now()).text(color: surroundings.usesColor)
          surroundings.writeOutput(isFirst ? text : String(text.drop { $0 != "\n" }.dropFirst()))
        }
      }
      isFirst = false
      return page.nextPageToken
    }
    if region.format == .json { surroundings.output(JSONValue.object(["nodes": .array(collected)]).text) }
  }
}

enum NodeTable {
  static func table(_ nodes: [MusterV1.Node], now: Int64) -> Table {
    var table = Table("NAME", "STATE", "SUBNET", "ADDRESS", "MAC", "SERIAL", "AGENT", "AGE")
    for node in nodes {
      let interface = node.bootInterface ?? MusterV1.NetworkInterface()
      table.add(
        Table.Cell(node.name), Table.Cell(node.state.title, node.state == .failed ? .failing : .plain),
        Table.Cell(interface.subnet), Table.Cell(interface.address), Table.Cell(interface.mac),
        Table.Cell(node.serial), Table.Cell(node.status?.agent ?? ""), Table.Cell(Age.text(since: node.createTime, now: now)))
    }
    return table
  }
}

struct NodeShow: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "One node in full.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "A name, a MAC address, or uid:UID.") var name: String

  func run(_ region: RegionConnection) async throws {
    let node = try await region.node(name)
    switch region.format {
    case .json: region.surroundings.output(node.json.text)
    case .name: region.surroundings.output("node/\(node.name)")
    case .table: region.surroundings.writeOutput(Details(node.json).text)
    }
  }
}

struct NodeRemove: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a node; its addresses stay held until nobody can be using them.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var write: WriteOptions
  @OptionGroup var confirmation: Confirmation
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The node's name.") var name: String

  func prepare(_ surroundings: Surroundings) throws {
    if !write.dryRun { try confirmation.confirm("Remove node \(name)?", surroundings) }
  }

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.DeleteNodeRequest()
    request.name = name
    request.ifRevision = write.ifRevision ?? 0
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    let response = try await region.nodes.deleteNode(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
  }
}

struct NodeAccept: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept", abstract: "Make a node that enlisted itself one of yours.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The node's present name.") var node: String
  @Option(help: "A new name.") var name: String = ""
  @Option(help: "Address: IPv4, auto or dynamic.") var address: String = "auto"
  @Option(help: "Boot profile.") var bootProfile: String = ""
  @Option(help: "Refuse (status 4) unless the node is at this revision.") var ifRevision: UInt64?
  @Option(help: "Idempotency key.") var requestID: String?

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.AcceptNodeRequest()
    request.name = node
    request.newName = name
    request.address = address
    request.bootProfile = bootProfile
    request.ifRevision = ifRevision ?? 0
    request.requestId = requestID ?? ""
    let before = try await region.node(node)
    let response = try await region.nodes.acceptNode(request, options: region.options)
    WriteOutput(region: region).write(response, verb: "accepted")
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
    let held = before.bootInterface?.address ?? ""
    if region.format == .table, !held.isEmpty, held != "dynamic", held != response.node?.bootInterface?.address {
      region.surroundings.hint("it holds \(held) until it renews or reboots")
    }
  }
}

struct NodeBoot: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "boot", abstract: "Choose what a node boots.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var write: WriteOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The node's name.") var name: String
  @Argument(help: "Boot profile, for example local.") var profile: String
  @Flag(help: "For one boot; then what it booted before.") var once = false

  func run(_ region: RegionConnection) async throws {
    var node = MusterV1.Node()
    node.name = name
    var request = MusterV1.UpdateNodeRequest()
    if once {
      node.bootOnce = profile
      request.updateMask = GoogleProtobuf.FieldMask(paths: ["boot_once"])
    } else {
      node.bootProfile = profile
      request.updateMask = GoogleProtobuf.FieldMask(paths: ["boot_profile", "boot_once"])
    }
    request.node = node
    request.ifRevision = write.ifRevision ?? 0
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    let response = try await region.nodes.updateNode(request, options: region.options)
    let usual = response.node?.bootProfile ?? ""
    let trailing = once ? "; boots '\(profile)' once, then '\(usual.isEmpty ? "local" : usual)'" : "; boots '\(profile)'"
    WriteOutput(region: region, isDryRun: write.dryRun)
      .write(response, trailing: response.outcome == .unchanged ? "" : trailing)
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
  }
}
