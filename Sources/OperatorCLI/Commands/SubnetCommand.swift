internal import ArgumentParser
internal import RPC
internal import Wire

struct SubnetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subnet", abstract: "IPv4 subnets, their pools, and who serves them.",
    subcommands: [
      SubnetList.self, SubnetShow.self, SubnetAdd.self, SubnetUpdate.self, SubnetRemove.self, SubnetImport.self,
      SubnetExport.self,
    ])
}

extension RegionConnection {
  var subnets: MusterV1.SubnetServiceClient { MusterV1.SubnetServiceClient(channel: channel) }

  func allSubnets(fabric: String = "", owner: String = "") async throws -> [MusterV1.Subnet] {
    var subnets: [MusterV1.Subnet] = []
    try await Paging.all { token in
      var request = MusterV1.ListSubnetsRequest()
      request.pageSize = Paging.size
      request.pageToken = token
      request.fabric = fabric
      request.owner = owner
      let page = try await self.subnets.listSubnets(request, options: options)
      subnets += page.subnets
      return page.nextPageToken
    }
    return subnets
  }
}

struct SubnetList: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "All subnets by prefix.")
  @OptionGroup var global: GlobalOptions
  @Option(help: "Only this fabric.") var fabric: String = ""
  @Option(help: "Only subnets this agent owns.") var owner: String = ""

  func run(_ region: RegionConnection) async throws {
    let subnets = try await region.allSubnets(fabric: fabric, owner: owner)
    ListOutput(region: region, noun: "subnet", plural: "subnets", name: \.name, json: \.json)
      .write(subnets, table: SubnetTable.table)
  }
}

enum SubnetTable {
  static func table(_ subnets: [MusterV1.Subnet]) -> Table {
    var table = Table("SUBNET", "PREFIX", "OWNER", "EPOCH", "HEAD", "APPLIED", "DHCP", "POOL", "NODES")
    for subnet in subnets {
      let status = subnet.status ?? MusterV1.SubnetStatus()
      let isBehind = status.applied < status.head
      table.add(
        Table.Cell(subnet.name), Table.Cell(subnet.prefix),
        status.owner.isEmpty ? Table.Cell("none", .failing) : Table.Cell(status.owner),
        Table.Cell(String(status.epoch)), Table.Cell(String(status.head)),
        Table.Cell(String(status.applied), isBehind ? .behind : .plain),
        dhcp(subnet), Table.Cell(status.poolSize == 0 ? "" : "\(status.poolUsed)/\(status.poolSize)"),
        Table.Cell(String(status.nodes)))
    }
    return table
  }

  /// `on`, `off`, or `failed` where it should be on and is not.
  private static func dhcp(_ subnet: MusterV1.Subnet) -> Table.Cell {
    guard subnet.dhcpEnabled else { return Table.Cell("off") }
    return (subnet.status?.reason ?? "").isEmpty ? Table.Cell("on", .good) : Table.Cell("failed", .failing)
  }
}

struct SubnetShow: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "One subnet in full.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The subnet's name.") var name: String

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.GetSubnetRequest()
    request.name = name
    let subnet = try await region.subnets.getSubnet(request, options: region.options)
    switch region.format {
    case .json: region.surroundings.output(subnet.json.text)
    case .name: region.surroundings.output("subnet/\(subnet.name)")
    case .table: region.surroundings.writeOutput(Details(subnet.json).text)
    }
  }
}

/// The fields of a subnet on a command line; what is not given is not touched.
struct SubnetFields: ParsableArguments {
  @Option(help: "Default gateway inside the prefix; '-' clears it.") var gateway: String?
  @Option(name: .customLong("pool"), help: "Dynamic range FIRST-LAST; repeat for more; '-' for none.") var pools: [String] = []
  @Option(name: .customLong("dns"), help: "DNS servers, separated by commas; '-' for none.") var dnsServers: String?
  @Option(help: "Domain handed to machines; '-' clears it.") var domain: String?
  @Option(name: .customLong("ntp"), help: "NTP servers, separated by commas; '-' for none.") var ntpServers: String?
  @Option(help: "Lease time, for example 1h.") var lease: DurationArgument?
  @Option(help: "802.1Q VLAN, 1 to 4094; 0 for untagged.") var vlan: UInt32?
  @Option(name: .customLong("relay"), help: "Relay (giaddr) addresses, separated by commas; '-' for none.") var relays: String?
  @Option(help: "Agents that may serve it, separated by commas; '-' for any.") var agents: String?
  @Option(help: "Whether DHCP answers: on or off.") var dhcp: Switch?

  enum Switch: String, ExpressibleByArgument, CaseIterable { case on, off }

  static func list(_ text: String) -> [String] {
    text == "-" ? [] : text.split(separator: ",").map { String($0.drop { $0 == " " }) }
  }

  private static func cleared(_ text: String) -> String { text == "-" ? "" : text }

  /// An empty text is a variable that was not set more often than the wish to clear something.
  func refuseEmpty() throws {
    let texts = [
      ("--gateway", gateway), ("--dns", dnsServers), ("--domain", domain), ("--ntp", ntpServers), ("--relay", relays),
      ("--agents", agents),
    ]
    try EmptyOption.refuse(texts + pools.map { ("--pool", $0) })
  }

  /// Sets what was given.
  /// - Returns: The paths of the fields it set.
  func apply(to subnet: inout MusterV1.Subnet) -> [String] {
    var paths: [String] = []
    if let gateway { subnet.gateway = Self.cleared(gateway); paths.append("gateway") }
    if !pools.isEmpty { subnet.pools = pools.flatMap(Self.list); paths.append("pools") }
    if let dnsServers { subnet.dnsServers = Self.list(dnsServers); paths.append("dns_servers") }
    if let domain { subnet.domain = Self.cleared(domain); paths.append("domain") }
    if let ntpServers { subnet.ntpServers = Self.list(ntpServers); paths.append("ntp_servers") }
    if let lease {
      var duration = GoogleProtobuf.Duration()
      duration.seconds = lease.milliseconds / 1000
      duration.nanos = Int32(lease.milliseconds % 1000) * 1_000_000
      subnet.lease = duration
      paths.append("lease")
    }
    if let vlan { subnet.vlan = vlan; paths.append("vlan") }
    if let relays { subnet.relays = Self.list(relays); paths.append("relays") }
    if let agents { subnet.agents = Self.list(agents); paths.append("agents") }
    if let dhcp { subnet.dhcpEnabled = dhcp == .on; paths.append("dhcp_enabled") }
    return paths
  }
}

struct SubnetAdd: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a subnet. DHCP stays off until you turn it on.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: SubnetFields
  @OptionGroup var write: WriteOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "A name, unique in the region.") var name: String
  @Argument(help: "The prefix, for example 10.3.0.0/24.") var prefix: String
  @Option(help: "Layer-2 or VRF domain.") var fabric: String = "default"

  func prepare(_ surroundings: Surroundings) throws {
    try write.refuseRevision()
    try fields.refuseEmpty()
  }

  func run(_ region: RegionConnection) async throws {
    var subnet = MusterV1.Subnet()
    subnet.name = name
    subnet.prefix = prefix
    subnet.fabric = fabric
    _ = fields.apply(to: &subnet)
    var request = MusterV1.CreateSubnetRequest()
    request.subnet = subnet
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    let response = try await region.subnets.createSubnet(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
    if !subnet.dhcpEnabled && region.format == .table {
      region.surroundings.hint("DHCP is off; 'muster subnet update \(name) --dhcp on' starts it")
    }
    if waiting.wait { try await AppliedWait(region: region, timeout: waiting.timeout)(response.generations) }
  }
}

struct SubnetUpdate: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "update", abstract: "Change the fields that are given.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: SubnetFields
  @OptionGroup var write: WriteOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "The subnet's name.") var name: String

  func prepare(_ surroundings: Surroundings) throws {
    try fields.refuseEmpty()
    var subnet = MusterV1.Subnet()
    guard fields.apply(to: &subnet).isEmpty else { return }
    throw CommandFailure(.usage, "nothing to change; give at least one field, for example --dhcp on")
  }

  func run(_ region: RegionConnection) async throws {
    var subnet = MusterV1.Subnet()
    subnet.name = name
    let paths = fields.apply(to: &subnet)
    var request = MusterV1.UpdateSubnetRequest()
    request.subnet = subnet
    request.updateMask = GoogleProtobuf.FieldMask(paths: paths)
    request.ifRevision = write.ifRevision ?? 0
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    let response = try await region.subnets.updateSubnet(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
    guard waiting.wait, !write.dryRun else { return }
    // An owner that is no longer among those allowed is about to leave: its word is not the one to wait for.
    let owner = response.subnet?.status?.owner ?? ""
    let allowed = response.subnet?.agents ?? []
    try await AppliedWait(region: region, timeout: waiting.timeout)(
      response.generations, leaving: allowed.isEmpty || allowed.contains(owner) ? "" : owner)
  }
}

struct SubnetRemove: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a subnet without nodes.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var write: WriteOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The subnet's name.") var name: String

  func prepare(_ surroundings: Surroundings) throws {
    if !write.dryRun { try confirmation.confirm("Remove subnet \(name)?", surroundings) }
  }

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.DeleteSubnetRequest()
    request.name = name
    request.ifRevision = write.ifRevision ?? 0
    request.requestId = write.requestID ?? ""
    request.validateOnly = write.dryRun
    let response = try await region.subnets.deleteSubnet(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
  }
}
