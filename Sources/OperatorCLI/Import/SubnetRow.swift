internal import Provisioning
internal import RPC
internal import Wire

/// One subnet of a file.
struct SubnetRow {
  var line: Int
  var subnet: MusterV1.Subnet
  /// The fields the row states. `fabric` and `prefix` are stated always: the region refuses to change them.
  var paths: [String]

  static let columns = [
    "name", "fabric", "prefix", "vlan", "gateway", "pools", "dns_servers", "domain", "ntp_servers", "lease", "dhcp",
    "relay", "agents",
  ]

  /// What cannot be read of it. The rest is there, for the region to check.
  private(set) var problems: [RowProblem] = []

  /// Lists are separated by spaces; an empty cell leaves a field as it is, `-` clears it.
  init(cells: [(column: String, text: String)], line: Int) {
    self.line = line
    subnet = MusterV1.Subnet()
    paths = []
    for (column, cell) in cells where !cell.isEmpty {
      do throws(RowProblem) {
        try set(column, cell)
      } catch {
        problems.append(error)
      }
    }
  }

  private mutating func set(_ column: String, _ cell: String) throws(RowProblem) {
    let text = cell == "-" ? "" : cell
    let list = text.split(separator: " ").map(String.init)
    switch column {
    case "name": subnet.name = text
    case "fabric": subnet.fabric = text
    case "prefix": subnet.prefix = text
    case "vlan":
      guard let vlan = UInt32(text.isEmpty ? "0" : text) else {
        throw Self.problem(column, cell, "a number from 0 to 4094")
      }
      subnet.vlan = vlan
    case "gateway": subnet.gateway = text
    case "pools": subnet.pools = list
    case "dns_servers": subnet.dnsServers = list
    case "domain": subnet.domain = text
    case "ntp_servers": subnet.ntpServers = list
    case "lease": subnet.lease = try Self.lease(column, cell)
    case "dhcp":
      guard ["on", "off"].contains(text) else { throw Self.problem(column, cell, "on or off") }
      subnet.dhcpEnabled = text == "on"
    case "relay": subnet.relays = list
    case "agents": subnet.agents = list
    default: break
    }
    switch column {
    case "name": break
    case "dhcp": paths.append("dhcp_enabled")
    case "relay": paths.append("relays")
    default: paths.append(column)
    }
  }

  /// As `subnet export` writes it.
  init(_ object: JSONReader, line: Int) throws(RowProblem) {
    self.line = line
    subnet = MusterV1.Subnet()
    paths = []
    try object.refuseUnknown(
      known: [
        "name", "fabric", "prefix", "vlan", "gateway", "pools", "dns_servers", "domain", "ntp_servers", "lease",
        "dhcp_enabled", "relays", "agents",
      ],
      ignored: ["uid", "revision", "dhcp_id", "status", "create_time", "update_time"])
    subnet.name = try object.string("name") ?? ""
    if let value = try object.string("fabric") { subnet.fabric = value; paths.append("fabric") }
    if let value = try object.string("prefix") { subnet.prefix = value; paths.append("prefix") }
    if let value = try object.integer("vlan") {
      guard let vlan = UInt32(exactly: value) else { throw Self.problem("vlan", "\(value)", "a number from 0 to 4094") }
      subnet.vlan = vlan
      paths.append("vlan")
    }
    if let value = try object.string("gateway") { subnet.gateway = value; paths.append("gateway") }
    if let value = try object.strings("pools") { subnet.pools = value; paths.append("pools") }
    if let value = try object.strings("dns_servers") { subnet.dnsServers = value; paths.append("dns_servers") }
    if let value = try object.string("domain") { subnet.domain = value; paths.append("domain") }
    if let value = try object.strings("ntp_servers") { subnet.ntpServers = value; paths.append("ntp_servers") }
    if let value = try object.string("lease"), !value.isEmpty {
      subnet.lease = try Self.lease("lease", value)
      paths.append("lease")
    }
    if let value = try object.bool("dhcp_enabled") { subnet.dhcpEnabled = value; paths.append("dhcp_enabled") }
    if let value = try object.strings("relays") { subnet.relays = value; paths.append("relays") }
    if let value = try object.strings("agents") { subnet.agents = value; paths.append("agents") }
  }

  /// Whole seconds, as the contract has them. `-` clears it, which means the usual lease.
  private static func lease(_ field: String, _ text: String) throws(RowProblem) -> GoogleProtobuf.Duration? {
    if text == "-" { return nil }
    guard let lease = DurationArgument(argument: text), lease.milliseconds % 1000 == 0 else {
      throw problem(field, text, "a duration such as 1h")
    }
    return GoogleProtobuf.Duration(seconds: lease.milliseconds / 1000)
  }

  private static func problem(_ field: String, _ value: String, _ expected: String) -> RowProblem {
    RowProblem(field: field, value: value, code: "ROW_INVALID", message: "is not \(expected)", fix: "write \(expected)")
  }
}

extension SubnetRow {
  var fabric: String { subnet.fabric.isEmpty ? FabricName.default.text : subnet.fabric }

  /// Nil for what the region will refuse as no prefix.
  var prefix: IPv4Prefix? {
    do { return try IPv4Prefix(subnet.prefix) } catch { return nil }
  }
}
