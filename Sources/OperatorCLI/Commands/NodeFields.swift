internal import ArgumentParser
internal import RPC
internal import Wire

/// The fields of a node on a command line, apart from its interfaces; what is not given is not touched.
struct NodeFields: ParsableArguments {
  @Option(name: .customLong("tag"), help: "Tag; repeat for more; '-' for none.") var tags: [String] = []
  @Option(help: "Boot profile; '-' for local.") var bootProfile: String?
  @Option(help: "Serial number; '-' clears it.") var serial: String?
  @Option(help: "SMBIOS UUID; '-' clears it.") var uuid: String?
  @Option(help: "Where it stands; '-' clears it.") var location: String?
  @Option(help: "Address of its management controller; '-' clears it.") var bmcAddress: String?
  @Option(help: "MAC of its management controller; '-' clears it.") var bmcMac: String?

  private static func cleared(_ text: String) -> String { text == "-" ? "" : text }

  /// An empty text is a variable that was not set more often than the wish to clear something.
  func refuseEmpty() throws {
    let texts = [
      ("--boot-profile", bootProfile), ("--serial", serial), ("--uuid", uuid), ("--location", location),
      ("--bmc-address", bmcAddress), ("--bmc-mac", bmcMac),
    ]
    try EmptyOption.refuse(texts + tags.map { ("--tag", $0) })
  }

  /// Sets what was given.
  /// - Returns: The paths of the fields it set.
  func apply(to node: inout MusterV1.Node) -> [String] {
    var paths: [String] = []
    if !tags.isEmpty { node.tags = tags == ["-"] ? [] : tags; paths.append("tags") }
    if let bootProfile { node.bootProfile = Self.cleared(bootProfile); paths.append("boot_profile") }
    if let serial { node.serial = Self.cleared(serial); paths.append("serial") }
    if let uuid { node.uuid = Self.cleared(uuid); paths.append("uuid") }
    if let location { node.location = Self.cleared(location); paths.append("location") }
    var bmc = node.bmc ?? MusterV1.Bmc()
    if let bmcAddress { bmc.address = Self.cleared(bmcAddress); paths.append("bmc.address") }
    if let bmcMac { bmc.mac = Self.cleared(bmcMac); paths.append("bmc.mac") }
    if bmcAddress != nil || bmcMac != nil { node.bmc = bmc }
    return paths
  }
}

struct NodeAdd: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "add", abstract: "Add a node with one interface.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: NodeFields
  @OptionGroup var write: WriteOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "A host name label, unique in the region.") var name: String
  @Option(help: "MAC address of its boot interface.") var mac: String
  @Option(help: "Subnet of its boot interface.") var subnet: String
  @Option(help: "IPv4 address, auto or dynamic.") var address: String = "auto"
  @Option(help: "Name of its boot interface.") var interface: String = "eth0"
  @Flag(help: "Take an address that is still held from another machine. Risks a double address until its lease ends.")
  var force = false

  func prepare(_ surroundings: Surroundings) throws {
    try write.refuseRevision()
    try fields.refuseEmpty()
  }

  func run(_ region: RegionConnection) async throws {
    var node = MusterV1.Node()
    node.name = name
    _ = fields.apply(to: &node)
    var first = MusterV1.NetworkInterface()
    first.name = interface
    first.mac = mac
    first.subnet = subnet
    first.address = address
    first.boot = true
    node.interfaces = [first]
    var request = MusterV1.CreateNodeRequest()
    request.node = node
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    request.force = force
    let response = try await region.nodes.createNode(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
  }
}

struct NodeUpdate: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Change the fields that are given.",
    discussion: """
      --mac, --subnet and --address change one interface: the one named by --interface (added when it is new), \
      else the boot interface. The change is refused (status 4) when somebody else changed the node meanwhile.
      """)
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: NodeFields
  @OptionGroup var write: WriteOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The node's name.") var name: String
  @Option(help: "A new name.") var rename: String?
  @Option(help: "Interface to change.") var interface: String?
  @Option(help: "New MAC address of the interface.") var mac: String?
  @Option(help: "New subnet of the interface.") var subnet: String?
  @Option(help: "New address of the interface: IPv4, auto or dynamic.") var address: String?
  @Flag(help: "Take an address that is still held from another machine. Risks a double address until its lease ends.")
  var force = false

  func prepare(_ surroundings: Surroundings) throws {
    try fields.refuseEmpty()
    var node = MusterV1.Node()
    try EmptyOption.refuse([("--rename", rename), ("--mac", mac), ("--subnet", subnet), ("--address", address)])
    guard fields.apply(to: &node).isEmpty, mac == nil, subnet == nil, address == nil, rename == nil else { return }
    throw CommandFailure(.usage, "nothing to change; give at least one field, for example --tag gpu")
  }

  func run(_ region: RegionConnection) async throws {
    var node = MusterV1.Node()
    node.name = name
    var paths = fields.apply(to: &node)
    var request = MusterV1.UpdateNodeRequest()
    request.ifRevision = write.ifRevision ?? 0
    if mac != nil || subnet != nil || address != nil {
      let current = try await region.node(name)
      node.interfaces = try changed(current.interfaces)
      if request.ifRevision == 0 { request.ifRevision = current.revision }
      paths.append("interfaces")
    }
    if let rename {
      request.newName = rename
      paths.append("name")
    }
    request.node = node
    request.updateMask = GoogleProtobuf.FieldMask(paths: paths)
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    request.force = force
    let response = try await region.nodes.updateNode(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
  }

  private func changed(_ interfaces: [MusterV1.NetworkInterface]) throws -> [MusterV1.NetworkInterface] {
    var interfaces = interfaces
    let position: Int
    if let interface, let known = interfaces.firstIndex(where: { $0.name == interface }) {
      position = known
    } else if let interface {
      var fresh = MusterV1.NetworkInterface()
      fresh.name = interface
      fresh.address = "auto"
      interfaces.append(fresh)
      position = interfaces.count - 1
    } else if let boot = interfaces.firstIndex(where: \.boot) ?? interfaces.indices.first {
      position = boot
    } else {
      throw CommandFailure(.usage, "node \(name) has no interface; name the new one with --interface")
    }
    if let mac { interfaces[position].mac = mac }
    if let subnet {
      interfaces[position].subnet = subnet
      if address == nil { interfaces[position].address = "auto" }
    }
    if let address { interfaces[position].address = address }
    return interfaces
  }
}
