internal import Provisioning

/// One line of Kea's lease file: the newest word on one address.
struct LeaseRow: Hashable, Sendable {
  var address: IPv4Address
  var hardware: MACAddress
  var dhcpID: DHCPSubnetID
  /// When the lease ends or ended, seconds since 1970.
  var expire: Int64
  /// False when the lease was released, deleted, declined or reclaimed.
  var isHeld: Bool

  /// Kea 2.2 writes more columns after these.
  static let header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state"

  /// `nil` for lines of leases without an Ethernet address; they are none of ours.
  init?(line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: ","), maxSplits: 10, omittingEmptySubsequences: false)
    guard fields.count >= 10, let lifetime = Self.number(fields[3]), let expire = Self.number(fields[4]),
      let subnet = Self.number(fields[5]).flatMap(UInt32.init(exactly:)), let state = Self.number(fields[9])
    else { return nil }
    do {
      address = try IPv4Address(String(decoding: fields[0], as: UTF8.self))
      hardware = try MACAddress(String(decoding: fields[1], as: UTF8.self))
    } catch {
      return nil
    }
    dhcpID = DHCPSubnetID(number: subnet)
    self.expire = expire
    isHeld = state == 0 && lifetime > 0
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    guard (1...12).contains(field.count) else { return nil }
    var value: Int64 = 0
    for byte in field {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
  }
}

/// The leases as the lines of the file add up.
struct LeaseTable: Sendable {
  private var leases: [IPv4Address: Lease] = [:]

  /// Takes the next line.
  ///
  /// - Returns: What it changed; `nil` when nothing an observer cares for.
  mutating func apply(_ row: LeaseRow) -> LeaseObservation? {
    guard row.isHeld else {
      guard let old = leases.removeValue(forKey: row.address) else { return nil }
      return LeaseObservation(dhcpID: old.dhcpID, mac: old.mac, address: old.address, until: nil)
    }
    let lease = Lease(
      dhcpID: row.dhcpID, mac: row.hardware, address: row.address, until: Timestamp(seconds: row.expire))
    guard leases.updateValue(lease, forKey: row.address) != lease else { return nil }
    return LeaseObservation(dhcpID: lease.dhcpID, mac: lease.mac, address: lease.address, until: lease.until)
  }

  /// Every lease that is held, by address.
  var held: [LeaseObservation] {
    leases.values.sorted { $0.address < $1.address }
      .map { LeaseObservation(dhcpID: $0.dhcpID, mac: $0.mac, address: $0.address, until: $0.until) }
  }

  /// Leases in force at `time`, of these subnets.
  func inForce(at time: Timestamp, in subnets: Set<DHCPSubnetID>) -> [Lease] {
    leases.values.filter { $0.until > time && subnets.contains($0.dhcpID) }
  }

  /// Who holds an address at `time`.
  func holder(of address: IPv4Address, at time: Timestamp) -> Lease? {
    leases[address].flatMap { $0.until > time ? $0 : nil }
  }
}
