internal import Provisioning

/// The cold part of a subnet's row: what the operator decided. Byte 0 is the version.
enum SubnetDocument {
  static let version: UInt8 = 1

  static func encode(_ subnet: Subnet) -> [UInt8] {
    let spec = subnet.spec
    var out = ByteWriter(reserving: 192)
    out.uint8(version)
    out.uint128(subnet.id.bits)
    out.text(spec.name.text)
    out.text(spec.fabric.text)
    out.uint32(spec.prefix.network.bits)
    out.uint8(UInt8(spec.prefix.length))
    out.uint16(spec.vlan ?? 0)
    out.uint32(spec.gateway?.bits ?? 0)
    out.ranges(spec.pool.ranges)
    out.list(spec.dnsServers) { $0.uint32($1.bits) }
    out.text(spec.domain?.text ?? "")
    out.list(spec.ntpServers) { $0.uint32($1.bits) }
    out.uint32(spec.leaseSeconds)
    out.uint8(spec.isDHCPOn ? 1 : 0)
    out.list(spec.relays) { $0.uint32($1.bits) }
    out.list(spec.agents) { $0.text($1.text) }
    out.uint64(subnet.revision.number)
    out.timestamp(subnet.created)
    out.timestamp(subnet.updated)
    out.text(subnet.updatedBy.text)
    return out.bytes
  }

  static func decode(_ bytes: [UInt8], dhcpID: DHCPSubnetID) throws -> Subnet {
    try readingStored("subnet \(dhcpID)") {
      var read = ByteReader(bytes)
      guard try read.uint8() == version else { throw ByteReaderError() }
      let id = SubnetID(bits: try read.uint128())
      let name = try SubnetName(try read.text())
      let fabric = try FabricName(try read.text())
      let prefix = try IPv4Prefix(network: IPv4Address(bits: try read.uint32()), length: Int(try read.uint8()))
      let vlan = try read.uint16()
      let gateway = try read.uint32()
      let spec = SubnetSpec(
        name: name, fabric: fabric, prefix: prefix, vlan: vlan == 0 ? nil : vlan,
        gateway: gateway == 0 ? nil : IPv4Address(bits: gateway), pool: try AddressPool(try read.ranges()),
        dnsServers: try read.addresses(), domain: try read.optionalText { try DomainName($0) },
        ntpServers: try read.addresses(), leaseSeconds: try read.uint32(), isDHCPOn: try read.uint8() == 1,
        relays: try read.addresses(), agents: try read.list { try AgentName(try $0.text()) })
      return Subnet(
        id: id, dhcpID: dhcpID, spec: spec, revision: Revision(try read.uint64()), created: try read.timestamp(),
        updated: try read.timestamp(), updatedBy: Actor(try read.text()))
    }
  }

  static func encode(_ retired: [RetiredRange]) -> [UInt8] {
    var out = ByteWriter()
    out.list(retired) { out, retired in
      out.ranges([retired.range])
      out.uint64(retired.generation.number)
      out.timestamp(retired.leasesEnd ?? Timestamp(nanoseconds: 0))
    }
    return out.bytes
  }

  static func decodeRetired(_ bytes: [UInt8]) throws -> [RetiredRange] {
    guard !bytes.isEmpty else { return [] }
    return try readingStored("retired ranges") {
      var read = ByteReader(bytes)
      return try read.list { read in
        guard let range = try read.ranges().first else { throw ByteReaderError() }
        let generation = Generation(try read.uint64())
        let end = try read.timestamp()
        return RetiredRange(range: range, generation: generation, leasesEnd: end.nanoseconds == 0 ? nil : end)
      }
    }
  }
}

extension ByteWriter {
  mutating func ranges(_ ranges: [AddressRange]) {
    list(ranges) { out, range in
      out.uint32(range.first.bits)
      out.uint32(range.last.bits)
    }
  }
}

extension ByteReader {
  mutating func ranges() throws -> [AddressRange] {
    try list { read in
      let first = IPv4Address(bits: try read.uint32())
      let last = IPv4Address(bits: try read.uint32())
      guard first <= last else { throw ByteReaderError() }
      return AddressRange(first: first, last: last)
    }
  }

  mutating func addresses() throws -> [IPv4Address] { try list { IPv4Address(bits: try $0.uint32()) } }
}
