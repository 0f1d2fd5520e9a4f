internal import ArgumentParser
internal import RPC
internal import Wire

struct NodeExport: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Every node as JSON lines, as 'node import' reads them.")
  @OptionGroup var global: GlobalOptions
  @Option(help: "Only nodes in this subnet.") var subnet: String = ""
  @Option(help: "Only nodes with this tag.") var tag: String = ""
  @Option(help: "Only nodes in this state.") var state: NodeStateArgument?

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.ExportNodesRequest()
    request.subnet = subnet
    request.tag = tag
    request.state = state?.state ?? .unspecified
    let surroundings = region.surroundings
    try await region.nodes.exportNodes(request, options: region.streamingOptions()) { nodes in
      for try await node in nodes { surroundings.output(node.json.text) }
    }
  }
}
