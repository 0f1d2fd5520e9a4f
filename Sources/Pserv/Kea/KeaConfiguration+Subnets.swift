internal import Provisioning

extension KeaConfiguration {
  /// Kea answers a broadcast from the first subnet it finds on an interface; several subnets of one link are only
  /// looked through together inside a shared network.
  static func writeSubnets(_ subnets: [ServedSubnet], to dhcp: inout JSONWriter) {
    var direct: [String: [ServedSubnet]] = [:]
    var relayed: [ServedSubnet] = []
    for subnet in subnets {
      guard let attachment = subnet.attachment else { continue }
      if attachment.isRelayed { relayed.append(subnet) } else { direct[attachment.interface, default: []].append(subnet) }
    }
    let alone = (relayed + direct.values.filter { $0.count == 1 }.flatMap { $0 }).sorted { $0.dhcpID < $1.dhcpID }
    let shared = direct.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
    dhcp.array("shared-networks") { networks in
      for (interface, members) in shared {
        networks.object { network in
          network.member("name", "link-\(interface)")
          network.member("interface", interface)
          network.array("subnet4") { list in members.forEach { write($0, to: &list) } }
        }
      }
    }
    dhcp.array("subnet4") { list in alone.forEach { write($0, to: &list) } }
  }

  private static func write(_ subnet: ServedSubnet, to list: inout JSONWriter) {
    guard let attachment = subnet.attachment else { return }
    let header = subnet.header
    list.object { out in
      out.member("id", subnet.dhcpID.number)
      out.member("subnet", header.prefix.description)
      if !attachment.isRelayed { out.member("interface", attachment.interface) }
      // Without these Kea takes any `giaddr` inside the prefix.
      if !header.relays.isEmpty {
        out.object("relay") { relay in
          relay.array("ip-addresses") { list in header.relays.forEach { list.string($0.description) } }
        }
      }
      out.member("valid-lifetime", header.leaseSeconds)
      out.member("next-server", attachment.agentAddress.description)
      out.array("require-client-classes") { classes in
        for firmware in Firmware.allCases { classes.string(firmware.className(server: attachment.agentAddress)) }
      }
      out.array("pools") { pools in
        for range in header.pool.ranges {
          pools.object { $0.member("pool", "\(range.first) - \(range.last)") }
        }
      }
      out.array("option-data") { writeOptions(header, to: &$0) }
      out.array("reservations") { reservations in
        for binding in subnet.bindings { write(binding, to: &reservations) }
      }
    }
  }

  private static func writeOptions(_ header: SubnetHeader, to options: inout JSONWriter) {
    func option(_ name: String, _ data: String) {
      options.object {
        $0.member("space", "dhcp4")
        $0.member("name", name)
        $0.member("data", data)
      }
    }
    func addresses(_ list: [IPv4Address]) -> String { list.map(\.description).joined(separator: ", ") }
    if let gateway = header.gateway { option("routers", gateway.description) }
    if !header.dnsServers.isEmpty { option("domain-name-servers", addresses(header.dnsServers)) }
    if let domain = header.domain { option("domain-name", domain.text) }
    if !header.ntpServers.isEmpty { option("ntp-servers", addresses(header.ntpServers)) }
  }

  private static func write(_ binding: Binding, to reservations: inout JSONWriter) {
    reservations.object {
      $0.member("hw-address", binding.mac.description)
      if let address = binding.address { $0.member("ip-address", address.description) }
      $0.member("hostname", binding.hostname.text)
    }
  }
}
