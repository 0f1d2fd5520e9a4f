internal import ArgumentParser
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

  /// Lists are separated by spaces; an empty cell leaves a field as it is, `-` clears it.
  static func rows(csv bytes: [UInt8], path: String) throws -> [SubnetRow] {
    let table: CSVTable
    do {
      table = try CSVTable(bytes)
    } catch {
      throw CommandFailure(.invalidData, "\(path): \(error.sentence)")
    }
    if let bad = table.problems.first { throw CommandFailure(.invalidData, "\(path): \(bad.failure.sentence)") }
    for column in table.header where !columns.contains(column) {
      throw CommandFailure(
        .invalidData, "\(path): unknown column '\(column)'\(Suggestion.clause(for: column, among: columns))")
    }
    let index = Dictionary(uniqueKeysWithValues: table.header.enumerated().map { ($1, $0) })
    return try table.rows.map { row in
      var members: [(String, String)] = []
      for column in columns {
        if let position = index[column], !row.cells[position].isEmpty { members.append((column, row.cells[position])) }
      }
      return try SubnetRow(members, line: row.line, path: path)
    }
  }

  private init(_ cells: [(String, String)], line: Int, path: String) throws {
    self.line = line
    subnet = MusterV1.Subnet()
    paths = []
    func refuse(_ column: String, _ text: String, _ expected: String) -> CommandFailure {
      CommandFailure(.invalidData, "\(path): line \(line): \(column): '\(text)' is not \(expected)")
    }
    for (column, cell) in cells {
      let text = cell == "-" ? "" : cell
      let list = text.split(separator: " ").map(String.init)
      switch column {
      case "name": subnet.name = text
      case "fabric": subnet.fabric = text
      case "prefix": subnet.prefix = text
      case "vlan":
        guard let vlan = UInt32(text.isEmpty ? "0" : text) else { throw refuse(column, cell, "a number from 0 to 4094") }
        subnet.vlan = vlan
      case "gateway": subnet.gateway = text
      case "pools": subnet.pools = list
      case "dns_servers": subnet.dnsServers = list
      case "domain": subnet.domain = text
      case "ntp_servers": subnet.ntpServers = list
      case "lease":
        guard let lease = DurationArgument(argument: text) else { throw refuse(column, cell, "a duration such as 1h") }
        var duration = GoogleProtobuf.Duration()
        duration.seconds = lease.milliseconds / 1000
        subnet.lease = duration
      case "dhcp":
        guard ["on", "off"].contains(text) else { throw refuse(column, cell, "on or off") }
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
  }

  static func rows(jsonLines bytes: [UInt8], path: String) throws -> [SubnetRow] {
    var rows: [SubnetRow] = []
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      do {
        rows.append(try SubnetRow(JSONReader(Array(line)), line: index + 1))
      } catch let failure as JSONReader.Failure {
        let field = failure.field.isEmpty ? "" : "\(failure.field): "
        throw CommandFailure(.invalidData, "\(path): line \(index + 1): \(field)\(failure.message)")
      }
    }
    return rows
  }

  private init(_ object: JSONReader, line: Int) throws {
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
    if let value = try object.integer("vlan") { subnet.vlan = UInt32(clamping: value); paths.append("vlan") }
    if let value = try object.string("gateway") { subnet.gateway = value; paths.append("gateway") }
    if let value = try object.strings("pools") { subnet.pools = value; paths.append("pools") }
    if let value = try object.strings("dns_servers") { subnet.dnsServers = value; paths.append("dns_servers") }
    if let value = try object.string("domain") { subnet.domain = value; paths.append("domain") }
    if let value = try object.strings("ntp_servers") { subnet.ntpServers = value; paths.append("ntp_servers") }
    if let value = try object.string("lease"), let lease = DurationArgument(argument: value) {
      var duration = GoogleProtobuf.Duration()
      duration.seconds = lease.milliseconds / 1000
      subnet.lease = duration
      paths.append("lease")
    }
    if let value = try object.bool("dhcp_enabled") { subnet.dhcpEnabled = value; paths.append("dhcp_enabled") }
    if let value = try object.strings("relays") { subnet.relays = value; paths.append("relays") }
    if let value = try object.strings("agents") { subnet.agents = value; paths.append("agents") }
  }
}
