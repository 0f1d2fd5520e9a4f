package import Provisioning

extension MusterV1.Header {
  /// - Parameter generation: The generation that last changed the header.
  package init(_ header: SubnetHeader, generation: Generation) {
    self.init(
      subnet: header.name.text, fabric: header.fabric.text, network: header.prefix.network.bits,
      prefixLength: UInt32(header.prefix.length), vlan: UInt32(header.vlan ?? 0),
      gateway: header.gateway?.bits ?? 0,
      pools: header.pool.ranges.map { MusterV1.Range(first: $0.first.bits, last: $0.last.bits) },
      dnsServers: header.dnsServers.map(\.bits), domain: header.domain?.text ?? "",
      ntpServers: header.ntpServers.map(\.bits), leaseSeconds: header.leaseSeconds,
      dhcpEnabled: header.isDHCPOn, relays: header.relays.map(\.bits), generation: generation.number)
  }
}

extension SubnetHeader {
  /// - Parameter dhcpID: The subnet of the chunk that carries the header.
  package init(_ header: MusterV1.Header, dhcpID: DHCPSubnetID) throws(SessionError) {
    let vlan = UInt16(exactly: header.vlan)
    guard let vlan, vlan == 0 || SubnetSpec.vlanRange.contains(vlan) else {
      throw SessionError(field: "Header.vlan")
    }
    guard header.pools.allSatisfy({ $0.first <= $0.last }) else { throw SessionError(field: "Header.pools") }
    self.init(
      dhcpID: dhcpID,
      name: try parse("Header.subnet") { try SubnetName(header.subnet) },
      fabric: try parse("Header.fabric") { try FabricName(header.fabric) },
      prefix: try parse("Header.network") {
        try IPv4Prefix(network: IPv4Address(bits: header.network), length: Int(header.prefixLength))
      },
      vlan: vlan == 0 ? nil : vlan,
      gateway: header.gateway == 0 ? nil : IPv4Address(bits: header.gateway),
      pool: try parse("Header.pools") {
        try AddressPool(
          header.pools.map {
            AddressRange(first: IPv4Address(bits: $0.first), last: IPv4Address(bits: $0.last))
          })
      },
      dnsServers: header.dnsServers.map(IPv4Address.init(bits:)),
      domain: header.domain.isEmpty ? nil : try parse("Header.domain") { try DomainName(header.domain) },
      ntpServers: header.ntpServers.map(IPv4Address.init(bits:)),
      leaseSeconds: header.leaseSeconds, isDHCPOn: header.dhcpEnabled,
      relays: header.relays.map(IPv4Address.init(bits:)))
  }
}

extension MusterV1.BindingRow {
  package init(_ binding: Binding, generation: Generation) {
    self.init(
      mac: binding.mac.bits, address: binding.address?.bits ?? 0, hostname: binding.hostname.text,
      nodeUid: binding.node.bits.octets, bootProfile: binding.bootProfile?.text ?? "",
      bootOnce: binding.bootOnce?.profile.text ?? "", bootOnceSerial: binding.bootOnce?.token ?? 0,
      generation: generation.number, boot: binding.bootProfile != nil)
  }
}

extension MusterV1.Tombstone {
  package init(mac: MACAddress, generation: Generation) {
    self.init(mac: mac.bits, generation: generation.number)
  }
}

extension FeedRow {
  package init(_ row: MusterV1.BindingRow, subnet: DHCPSubnetID) throws(SessionError) {
    let mac = try MACAddress(session: row.mac, field: "BindingRow.mac")
    let binding = Binding(
      key: BindingKey(subnet: subnet, mac: mac),
      node: NodeID(bits: try UInt128(octets: row.nodeUid, field: "BindingRow.node_uid")),
      hostname: try parse("BindingRow.hostname") { try NodeName(row.hostname) },
      address: row.address == 0 ? nil : IPv4Address(bits: row.address),
      bootProfile: row.boot ? try parse("BindingRow.boot_profile") { try ProfileName(row.bootProfile) } : nil,
      bootOnce: row.bootOnce.isEmpty
        ? nil
        : BootOnce(
          profile: try parse("BindingRow.boot_once") { try ProfileName(row.bootOnce) },
          token: row.bootOnceSerial))
    self.init(mac: mac, generation: Generation(row.generation), binding: binding)
  }

  package init(_ tombstone: MusterV1.Tombstone) throws(SessionError) {
    self.init(
      mac: try MACAddress(session: tombstone.mac, field: "Tombstone.mac"),
      generation: Generation(tombstone.generation), binding: nil)
  }
}

extension MACAddress {
  /// From the low 48 bits of a session message's number.
  package init(session bits: UInt64, field: String) throws(SessionError) {
    self = try parse(field) { try MACAddress(bits: bits) }
  }
}

extension SubnetDigest {
  package init(octets: [UInt8], field: String) throws(SessionError) {
    self.init(bits: try UInt128(octets: octets, field: field))
  }

  /// 16 octets, the highest first.
  package var octets: [UInt8] { bits.octets }
}

extension Incarnation {
  package init(octets: [UInt8], field: String) throws(SessionError) {
    self.init(bits: try UInt128(octets: octets, field: field))
  }

  /// 16 octets, the highest first.
  package var octets: [UInt8] { bits.octets }
}

extension BootID {
  package init(octets: [UInt8], field: String) throws(SessionError) {
    self.init(bits: try UInt128(octets: octets, field: field))
  }

  /// 16 octets, the highest first.
  package var octets: [UInt8] { bits.octets }
}
