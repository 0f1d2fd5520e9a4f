internal import Provisioning
internal import Wire

extension FeedChunk {
  init(_ chunk: MusterV1.Chunk) throws {
    let dhcpID = DHCPSubnetID(number: chunk.dhcpId)
    self.init(
      dhcpID: dhcpID, epoch: Epoch(chunk.epoch), base: Generation(chunk.base), to: Generation(chunk.to),
      isSnapshot: chunk.snapshot, header: try chunk.header.map { try SubnetHeader($0, dhcpID: dhcpID) },
      headerGeneration: Generation(chunk.header?.generation ?? 0),
      rows: try chunk.upserts.map { try FeedRow($0, subnet: dhcpID) } + chunk.tombstones.map { try FeedRow($0) })
  }
}

extension FeedCommit {
  init(_ commit: MusterV1.Commit) throws {
    self.init(
      dhcpID: DHCPSubnetID(number: commit.dhcpId), epoch: Epoch(commit.epoch), to: Generation(commit.to),
      digest: try SubnetDigest(octets: commit.digest, field: "Commit.digest"), incarnation: commit.incarnation)
  }
}

extension BootProfiles {
  init(_ set: MusterV1.ProfileSet) throws {
    var byName = BootProfiles.builtIn.byName
    for profile in set.profiles {
      let spec = try BootProfileSpec(profile)
      byName[spec.name] = spec
    }
    self.init(revision: set.revision, byName: byName)
  }
}

extension MusterV1.Have {
  /// What the agent holds of a subnet.
  init(_ mirrored: MirroredSubnet, room: inout RejectionRoom) {
    self.init()
    dhcpId = mirrored.dhcpID.number
    incarnation = mirrored.received.incarnation
    epoch = mirrored.epochMax.number
    generation = mirrored.received.generation.number
    digest = mirrored.received.digest.octets
    // What was applied with DHCP off against the operator's word is said after the trouble that keeps it off.
    guard let known = mirrored.applied, known.incarnation == incarnation, known.subnet.epoch == mirrored.epochMax,
      known.subnet.answersDHCP || !known.subnet.header.isDHCPOn
    else { return }
    applied = known.subnet.generation.number
    (rejected, rejectedMore) = room.take(known.rejected)
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

extension Lease {
  init(_ lease: MusterV1.LeaseLeft, subnet: DHCPSubnetID) throws(SessionError) {
    let parsed = try LeaseLeft(lease)
    self.init(dhcpID: subnet, mac: parsed.mac, address: parsed.address, until: parsed.until)
  }
}

extension MusterV1.LeaseSet {
  /// Leases of one message.
  static let leasesMax = 10_000
}

extension MusterV1.Applied {
  /// Leases of one message; as session.proto says.
  static let listMax = AppliedSubnet.leasesLeftMax

  init(_ applied: AppliedSubnet) {
    self.init()
    dhcpId = applied.subnet.dhcpID.number
    epoch = applied.subnet.epoch.number
    generation = applied.subnet.generation.number
    digest = applied.digest.octets
    var room = RejectionRoom()
    (rejected, rejectedMore) = room.take(applied.rejected)
    leasesLeft = applied.leasesLeft.map { MusterV1.LeaseLeft($0) }
    leasesMoreUntilNs = applied.leasesMoreUntil?.nanoseconds ?? 0
  }

  /// All in one message: of more leases than fit only their end is told.
  init(_ ended: EndedSubnet) {
    self.init(ended, leases: ended.leasesLeft.prefix(Self.listMax))
    leasesMoreUntilNs = ended.leasesLeft.dropFirst(Self.listMax).map(\.until.nanoseconds).max() ?? 0
  }

  /// - Parameter leases: Those that no `LeaseSet` told before, at most `listMax`.
  init(_ ended: EndedSubnet, leases: some Sequence<Lease>) {
    self.init()
    dhcpId = ended.dhcpID.number
    epoch = ended.epoch.number
    generation = ended.generation.number
    leasesLeft = leases.map { MusterV1.LeaseLeft($0) }
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
