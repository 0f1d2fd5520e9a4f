internal import Provisioning
internal import Wire

/// A message of the region that no region of any version sends.
struct MalformedMessage: Error, Sendable, Hashable, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

extension SubnetHeader {
  init(dhcpID: DHCPSubnetID, _ header: MusterV1.Header) throws {
    self.init(
      dhcpID: dhcpID, name: try SubnetName(header.subnet), fabric: try FabricName(header.fabric),
      prefix: try IPv4Prefix(network: IPv4Address(bits: header.network), length: Int(header.prefixLength)),
      vlan: header.vlan == 0 ? nil : UInt16(clamping: header.vlan),
      gateway: header.gateway == 0 ? nil : IPv4Address(bits: header.gateway),
      pool: try AddressPool(header.pools.map { try AddressRange($0) }),
      dnsServers: header.dnsServers.map { IPv4Address(bits: $0) },
      domain: header.domain.isEmpty ? nil : try DomainName(header.domain),
      ntpServers: header.ntpServers.map { IPv4Address(bits: $0) }, leaseSeconds: header.leaseSeconds,
      isDHCPOn: header.dhcpEnabled, relays: header.relays.map { IPv4Address(bits: $0) })
  }
}

extension AddressRange {
  init(_ range: MusterV1.Range) throws {
    guard range.first <= range.last else { throw MalformedMessage("a pool runs backwards") }
    self.init(first: IPv4Address(bits: range.first), last: IPv4Address(bits: range.last))
  }
}

extension FeedRow {
  init(dhcpID: DHCPSubnetID, _ row: MusterV1.BindingRow) throws {
    let mac = try MACAddress(bits: row.mac)
    let profile = row.bootProfile.isEmpty ? nil : try ProfileName(row.bootProfile)
    let once =
      row.bootOnce.isEmpty ? nil : BootOnce(profile: try ProfileName(row.bootOnce), token: row.bootOnceSerial)
    self.init(
      mac: mac, generation: Generation(row.generation),
      binding: Binding(
        key: BindingKey(subnet: dhcpID, mac: mac), node: NodeID(bits: try bits128(row.nodeUid)),
        hostname: try NodeName(row.hostname), address: row.address == 0 ? nil : IPv4Address(bits: row.address),
        bootProfile: row.boot ? profile : nil, bootOnce: row.boot ? once : nil))
  }

  init(_ tombstone: MusterV1.Tombstone) throws {
    self.init(mac: try MACAddress(bits: tombstone.mac), generation: Generation(tombstone.generation), binding: nil)
  }
}

extension FeedChunk {
  init(_ chunk: MusterV1.Chunk) throws {
    let dhcpID = DHCPSubnetID(number: chunk.dhcpId)
    self.init(
      dhcpID: dhcpID, epoch: Epoch(chunk.epoch), base: Generation(chunk.base), to: Generation(chunk.to),
      isSnapshot: chunk.snapshot, header: try chunk.header.map { try SubnetHeader(dhcpID: dhcpID, $0) },
      headerGeneration: Generation(chunk.header?.generation ?? 0),
      rows: try chunk.upserts.map { try FeedRow(dhcpID: dhcpID, $0) } + chunk.tombstones.map { try FeedRow($0) })
  }
}

extension FeedCommit {
  init(_ commit: MusterV1.Commit) throws {
    self.init(
      dhcpID: DHCPSubnetID(number: commit.dhcpId), epoch: Epoch(commit.epoch), to: Generation(commit.to),
      digest: SubnetDigest(bits: try bits128(commit.digest)), incarnation: commit.incarnation)
  }
}

extension BootProfiles {
  init(_ set: MusterV1.ProfileSet) throws {
    var byName: [ProfileName: BootProfileSpec] = [:]
    for profile in set.profiles {
      let name = try ProfileName(profile.name)
      // A kind that this agent does not know boots the disk: never a surprise.
      let isKernel = profile.kind == 2 && !profile.kernel.isEmpty
      let image =
        isKernel
        ? BootImage(
          kernel: try BootPath(profile.kernel), initrds: try profile.initrds.map { try BootPath($0) },
          arguments: try KernelArguments(profile.arguments)) : nil
      byName[name] = BootProfileSpec(name: name, kind: image.map { .kernel($0) } ?? .local)
    }
    for (name, profile) in BootProfiles.builtIn.byName where byName[name] == nil { byName[name] = profile }
    self.init(revision: set.revision, byName: byName)
  }
}

extension MusterV1.Have {
  /// What the agent holds of a subnet.
  init(_ mirrored: MirroredSubnet) {
    self.init()
    dhcpId = mirrored.dhcpID.number
    incarnation = mirrored.received.incarnation
    epoch = mirrored.epochMax.number
    generation = mirrored.received.generation.number
    digest = octets(mirrored.received.digest.bits)
    guard let known = mirrored.applied, known.incarnation == incarnation, known.subnet.epoch == mirrored.epochMax else {
      return
    }
    applied = known.subnet.generation.number
    rejected = known.rejected.map { MusterV1.Rejection($0) }
  }
}

extension MusterV1.Rejection {
  init(_ rejected: RejectedBinding) {
    self.init()
    mac = rejected.binding.mac.bits
    code = rejected.reason.code.rawValue
    message = rejected.reason.words
  }
}

extension MusterV1.LeaseLeft {
  init(_ lease: Lease) {
    self.init()
    address = lease.address.bits
    mac = lease.mac.bits
    untilNs = lease.until.nanoseconds
  }
}

extension MusterV1.Applied {
  /// Rejections and leases of one message; more are counted in the last one's words.
  static let listMax = 10_000

  init(_ applied: AppliedSubnet) {
    self.init()
    dhcpId = applied.subnet.dhcpID.number
    epoch = applied.subnet.epoch.number
    generation = applied.subnet.generation.number
    digest = octets(applied.digest.bits)
    rejected = applied.rejected.prefix(Self.listMax).map { MusterV1.Rejection($0) }
    leasesLeft = applied.leasesLeft.prefix(Self.listMax).map { MusterV1.LeaseLeft($0) }
  }

  init(_ ended: EndedSubnet) {
    self.init()
    dhcpId = ended.dhcpID.number
    epoch = ended.epoch.number
    generation = ended.generation.number
    leasesLeft = ended.leasesLeft.prefix(Self.listMax).map { MusterV1.LeaseLeft($0) }
    revoked = true
  }
}

extension MusterV1.Link {
  init(_ link: RackLinks.NamedLink) {
    self.init()
    interface = link.state.interface
    fabric = link.fabric.text
    up = link.state.isUp
    addresses = link.state.addresses.map { own in
      MusterV1.LinkAddress(address: own.address.bits, prefixLength: UInt32(own.prefixLength))
    }
  }
}

extension MusterV1.Enlistment {
  init(_ spooled: SpooledEnlistment) {
    self.init()
    let report = spooled.report
    id = spooled.id
    dhcpId = spooled.dhcpID.number
    macs = report.macs.map(\.bits)
    address = report.address.bits
    serial = report.serial
    uuid = report.uuid
    firmware = report.firmware
    memoryMib = report.memoryMiB
    cpuCount = report.cpuCount
    cpuModel = report.cpuModel
    timeNs = spooled.time.nanoseconds
  }
}

/// 16 octets as a big-endian number.
func bits128(_ bytes: [UInt8]) throws -> UInt128 {
  guard bytes.count == 16 else { throw MalformedMessage("16 octets are due, \(bytes.count) came") }
  return bytes.reduce(0) { $0 << 8 | UInt128($1) }
}

/// The 16 octets of a number, most significant first.
func octets(_ bits: UInt128) -> [UInt8] {
  (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128(120 - 8 * $0)) }
}
