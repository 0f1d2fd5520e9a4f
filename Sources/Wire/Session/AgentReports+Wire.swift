package import Provisioning

// What agents tell of their hosts and machines. Texts in it come from DHCP servers and machines: they are made
// printable, never refused. Numbers that cannot be are refused.

extension MusterV1.Rejection {
  package init(_ rejection: Rejection) {
    self.init(mac: rejection.mac.bits, code: rejection.code, message: rejection.message)
  }
}

extension Rejection {
  package init(_ rejection: MusterV1.Rejection) throws(SessionError) {
    self.init(
      mac: try MACAddress(session: rejection.mac, field: "Rejection.mac"), code: rejection.code,
      message: rejection.message)
  }
}

extension MusterV1.LeaseLeft {
  package init(_ lease: LeaseLeft) {
    self.init(address: lease.address.bits, mac: lease.mac.bits, untilNs: lease.until.nanoseconds)
  }
}

extension LeaseLeft {
  package init(_ lease: MusterV1.LeaseLeft) throws(SessionError) {
    self.init(
      address: IPv4Address(bits: lease.address), mac: try MACAddress(session: lease.mac, field: "LeaseLeft.mac"),
      until: Timestamp(nanoseconds: lease.untilNs))
  }
}

extension MusterV1.LeaseSeen {
  package init(_ lease: ObservedLease) {
    self.init(
      dhcpId: lease.subnet.number, mac: lease.mac.bits, address: lease.address.bits,
      untilNs: lease.until.nanoseconds)
  }
}

extension ObservedLease {
  /// A lease that ended has `until` 0.
  package init(_ lease: MusterV1.LeaseSeen) throws(SessionError) {
    self.init(
      subnet: DHCPSubnetID(number: lease.dhcpId), mac: try MACAddress(session: lease.mac, field: "LeaseSeen.mac"),
      address: IPv4Address(bits: lease.address), until: Timestamp(nanoseconds: lease.untilNs))
  }
}

extension MusterV1.BootSeen {
  /// - Parameter bootOnceToken: The order to boot once that this phone-home used up; 0 for none.
  package init(_ report: BootReport, key: BindingKey, bootOnceToken: UInt64 = 0) {
    self.init(
      dhcpId: key.subnet.number, mac: key.mac.bits, stage: UInt32(report.stage.rawValue),
      timeNs: report.time.nanoseconds, failed: !report.succeeded, detail: report.detail.text,
      bootOnceSerial: bootOnceToken)
  }

  /// Whose boot it is.
  package func key() throws(SessionError) -> BindingKey {
    BindingKey(subnet: DHCPSubnetID(number: dhcpId), mac: try MACAddress(session: mac, field: "BootSeen.mac"))
  }
}

extension BootReport {
  package init(_ seen: MusterV1.BootSeen, agent: AgentName) throws(SessionError) {
    guard let number = UInt8(exactly: seen.stage), let stage = BootStage(rawValue: number) else {
      throw SessionError(field: "BootSeen.stage")
    }
    self.init(
      stage: stage, time: Timestamp(nanoseconds: seen.timeNs), succeeded: !seen.failed,
      detail: PlainText(sanitizing: seen.detail), agent: agent)
  }
}

extension MusterV1.BootFile {
  package init(_ file: BootFile) {
    self.init(path: file.path.text, sha256: file.sha256 ?? [], sizeBytes: file.sizeBytes)
  }
}

extension BootFile {
  package init(_ file: MusterV1.BootFile) throws(SessionError) {
    guard file.sha256.isEmpty || file.sha256.count == Self.sha256Bytes else {
      throw SessionError(field: "BootFile.sha256")
    }
    self.init(
      path: try parse("BootFile.path") { try BootPath(file.path) },
      sha256: file.sha256.isEmpty ? nil : file.sha256, sizeBytes: file.sizeBytes)
  }

  private static let sha256Bytes = 32
}

extension SubnetTrouble {
  /// Nil when the agent says that the trouble is over.
  package init?(_ trouble: MusterV1.SubnetTrouble) {
    guard !trouble.code.isEmpty else { return nil }
    self.init(code: trouble.code, message: trouble.message)
  }
}

extension AgentLink {
  /// Addresses beyond the most that are remembered are left out.
  package init(_ link: MusterV1.Link) throws(SessionError) {
    self.init(
      interface: try parse("Link.interface") { try InterfaceName(link.interface) },
      fabric: try parse("Link.fabric") { try FabricName(link.fabric) },
      addresses: link.addresses.prefix(Self.addressesMax).map { IPv4Address(bits: $0.address) }, isUp: link.up)
  }
}
