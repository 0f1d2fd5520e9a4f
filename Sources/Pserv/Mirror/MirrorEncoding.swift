package import Provisioning

/// How values are written into the mirror's BLOBs: one byte of version, then fixed fields in order. Only this agent reads
/// them, and a value that cannot be read means a damaged file, not bad input.
package enum MirrorEncoding {
  static let version: UInt8 = 1

  package static func encode(_ binding: Binding) -> [UInt8] {
    var row = ByteWriter(reserving: 96)
    row.uint8(version)
    row.uint32(binding.subnet.number)
    row.uint48(binding.mac.bits)
    row.uint128(binding.node.bits)
    row.text(binding.hostname.text)
    row.uint8(binding.address == nil ? 0 : 1)
    row.uint32(binding.address?.bits ?? 0)
    row.text(binding.bootProfile?.text ?? "")
    row.text(binding.bootOnce?.profile.text ?? "")
    row.uint64(binding.bootOnce?.token ?? 0)
    return row.bytes
  }

  package static func binding(_ bytes: [UInt8]) throws -> Binding {
    var row = try reader(bytes)
    let key = BindingKey(subnet: DHCPSubnetID(number: try row.uint32()), mac: try MACAddress(bits: try row.uint48()))
    let node = NodeID(bits: try row.uint128())
    let hostname = try NodeName(try row.text())
    let hasAddress = try row.uint8() == 1
    let address = IPv4Address(bits: try row.uint32())
    let profile = try row.text()
    let once = try row.text()
    let token = try row.uint64()
    return Binding(
      key: key, node: node, hostname: hostname, address: hasAddress ? address : nil,
      bootProfile: profile.isEmpty ? nil : try ProfileName(profile),
      bootOnce: once.isEmpty ? nil : BootOnce(profile: try ProfileName(once), token: token))
  }

  package static func encode(_ header: SubnetHeader) -> [UInt8] {
    var row = ByteWriter(reserving: 160)
    row.uint8(version)
    row.uint32(header.dhcpID.number)
    row.text(header.name.text)
    row.text(header.fabric.text)
    row.uint32(header.prefix.network.bits)
    row.uint8(UInt8(header.prefix.length))
    row.uint16(header.vlan ?? 0)
    row.uint32(header.gateway?.bits ?? 0)
    row.uint8(header.isDHCPOn ? 1 : 0)
    row.uint32(header.leaseSeconds)
    row.list(header.pool.ranges) { row, range in
      row.uint32(range.first.bits)
      row.uint32(range.last.bits)
    }
    row.list(header.dnsServers) { $0.uint32($1.bits) }
    row.text(header.domain?.text ?? "")
    row.list(header.ntpServers) { $0.uint32($1.bits) }
    row.list(header.relays) { $0.uint32($1.bits) }
    return row.bytes
  }

  package static func header(_ bytes: [UInt8]) throws -> SubnetHeader {
    var row = try reader(bytes)
    let dhcpID = DHCPSubnetID(number: try row.uint32())
    let name = try SubnetName(try row.text())
    let fabric = try FabricName(try row.text())
    let network = IPv4Address(bits: try row.uint32())
    let prefix = try IPv4Prefix(network: network, length: Int(try row.uint8()))
    let vlan = try row.uint16()
    let gateway = try row.uint32()
    let isDHCPOn = try row.uint8() == 1
    let leaseSeconds = try row.uint32()
    let ranges = try row.list { row in
      AddressRange(first: IPv4Address(bits: try row.uint32()), last: IPv4Address(bits: try row.uint32()))
    }
    let dnsServers = try row.list { IPv4Address(bits: try $0.uint32()) }
    let domain = try row.text()
    let ntpServers = try row.list { IPv4Address(bits: try $0.uint32()) }
    let relays = try row.list { IPv4Address(bits: try $0.uint32()) }
    return SubnetHeader(
      dhcpID: dhcpID, name: name, fabric: fabric, prefix: prefix, vlan: vlan == 0 ? nil : vlan,
      gateway: gateway == 0 ? nil : IPv4Address(bits: gateway), pool: try AddressPool(ranges), dnsServers: dnsServers,
      domain: domain.isEmpty ? nil : try DomainName(domain), ntpServers: ntpServers, leaseSeconds: leaseSeconds,
      isDHCPOn: isDHCPOn, relays: relays)
  }

  package static func encode(_ profiles: BootProfiles) -> [UInt8] {
    var row = ByteWriter(reserving: 256)
    row.uint8(version)
    row.uint64(profiles.revision)
    row.list(profiles.byName.values.sorted { $0.name < $1.name }) { row, profile in
      row.text(profile.name.text)
      switch profile.kind {
      case .local: row.uint8(1)
      case .kernel: row.uint8(2)
      }
      let image = profile.kind.image
      row.text(image?.kernel.text ?? "")
      row.list(image?.initrds ?? []) { $0.text($1.text) }
      row.text(image?.arguments.text ?? "")
    }
    return row.bytes
  }

  package static func profiles(_ bytes: [UInt8]) throws -> BootProfiles {
    var row = try reader(bytes)
    let revision = try row.uint64()
    let profiles = try row.list { row in
      let name = try ProfileName(try row.text())
      let kind = try row.uint8()
      let kernel = try row.text()
      let initrds = try row.list { try BootPath(try $0.text()) }
      let arguments = try KernelArguments(try row.text())
      let image =
        kernel.isEmpty ? nil : BootImage(kernel: try BootPath(kernel), initrds: initrds, arguments: arguments)
      switch (kind, image) {
      case (1, _): return BootProfileSpec(name: name, kind: .local)
      case (2, let image?): return BootProfileSpec(name: name, kind: .kernel(image))
      default: throw ByteReaderError()
      }
    }
    return BootProfiles(
      revision: revision, byName: Dictionary(profiles.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
  }

  /// Of leases: with a count of four octets. Version 1 had one of two.
  static let leasesVersion: UInt8 = 2

  /// - Parameter moreUntil: When the last lease ends that is not in the list.
  package static func encode(_ leases: [Lease], moreUntil: Timestamp? = nil) -> [UInt8] {
    var row = ByteWriter(reserving: 32 * leases.count)
    row.uint8(leasesVersion)
    row.uint64(UInt64(bitPattern: moreUntil?.nanoseconds ?? 0))
    row.uint32(UInt32(leases.count))
    for lease in leases {
      row.uint32(lease.dhcpID.number)
      row.uint48(lease.mac.bits)
      row.uint32(lease.address.bits)
      row.uint64(UInt64(bitPattern: lease.until.nanoseconds))
    }
    return row.bytes
  }

  package static func leases(_ bytes: [UInt8]) throws -> [Lease] { try leasesLeft(bytes).leases }

  package static func leasesLeft(_ bytes: [UInt8]) throws -> (leases: [Lease], moreUntil: Timestamp?) {
    var row = ByteReader(bytes)
    var moreUntil: Timestamp?
    let count: Int
    switch try row.uint8() {
    case version: count = Int(try row.uint16())
    case leasesVersion:
      let end = Int64(bitPattern: try row.uint64())
      moreUntil = end == 0 ? nil : Timestamp(nanoseconds: end)
      count = Int(try row.uint32())
    default: throw ByteReaderError()
    }
    var leases: [Lease] = []
    for _ in 0..<count {
      leases.append(
        Lease(
          dhcpID: DHCPSubnetID(number: try row.uint32()), mac: try MACAddress(bits: try row.uint48()),
          address: IPv4Address(bits: try row.uint32()),
          until: Timestamp(nanoseconds: Int64(bitPattern: try row.uint64()))))
    }
    return (leases, moreUntil)
  }

  package static func encode(_ report: MachineReport) -> [UInt8] {
    var row = ByteWriter(reserving: 256)
    row.uint8(version)
    row.list(report.macs) { $0.uint48($1.bits) }
    row.uint32(report.address.bits)
    for text in [report.serial, report.uuid, report.firmware, report.cpuModel] { row.text(text) }
    row.uint64(report.memoryMiB)
    row.uint32(report.cpuCount)
    return row.bytes
  }

  package static func report(_ bytes: [UInt8]) throws -> MachineReport {
    var row = try reader(bytes)
    let macs = try row.list { try MACAddress(bits: try $0.uint48()) }
    let address = IPv4Address(bits: try row.uint32())
    var report = MachineReport(macs: macs, address: address)
    report.serial = try row.text()
    report.uuid = try row.text()
    report.firmware = try row.text()
    report.cpuModel = try row.text()
    report.memoryMiB = try row.uint64()
    report.cpuCount = try row.uint32()
    return report
  }

  package static func encode(_ bits: UInt128) -> [UInt8] {
    var row = ByteWriter(reserving: 16)
    row.uint128(bits)
    return row.bytes
  }

  package static func bits(_ bytes: [UInt8]) throws -> UInt128 {
    var row = ByteReader(bytes)
    return try row.uint128()
  }

  private static func reader(_ bytes: [UInt8]) throws -> ByteReader {
    var row = ByteReader(bytes)
    guard try row.uint8() == version else { throw ByteReaderError() }
    return row
  }
}
