package import Provisioning

// Leases that outlive the owner, or the subnet, they came from.
extension Transaction {
  /// Notes what an agent says of the leases in a subnet that it leaves. If the subnet was removed, they wait for a subnet
  /// with the same addresses. An agent that is not asked for the subnet is not heard.
  ///
  /// - Returns: Whether the agent is.
  package func observeLeft(_ leases: [ObservedLease], in dhcpID: DHCPSubnetID, by agent: AgentName) throws -> Bool {
    if let retired = try tables.retired(dhcpID) {
      guard retired.owner == agent else { return false }
      for lease in leases where lease.until > leaseNow { try tables.putFormerLease(lease, in: retired.fabric) }
      return true
    }
    guard let row = try tables.subnet(dhcpID), row.progress.owner == agent else { return false }
    // In full from now, whatever the agent's clock says: it stopped answering before it said this, so none was renewed
    // after now.
    let full = leaseNow.advanced(bySeconds: Int64(row.subnet.spec.leaseSeconds))
    for var lease in leases {
      lease.until = max(lease.until, full)
      try observeIfLater(lease)
    }
    return true
  }

  /// Notes a lease unless the same machine's is known to end later.
  private func observeIfLater(_ lease: ObservedLease) throws {
    let place = SubnetAddress(subnet: lease.subnet, address: lease.address)
    if let known = try tables.lease(place), known.mac == lease.mac, known.until >= lease.until { return }
    try tables.putLease(lease)
  }

  /// Keeps what machines may still use of a subnet that goes: its leases, and the addresses that are held.
  func retireLeases(of row: SubnetRow) throws {
    let (dhcpID, fabric) = (row.subnet.dhcpID, row.subnet.spec.fabric)
    try tables.retireLeases(of: dhcpID, in: fabric, now: leaseNow)
    // Its agent may have renewed the lease of such an address until just now.
    let latest = leaseNow.advanced(bySeconds: Int64(row.subnet.spec.leaseSeconds))
    var from: IPv4Address? = row.subnet.prefix.network
    while let start = from {
      let holds = try tables.holds(dhcpID, from: start, limit: FreeAddressSearch.pieceSize)
      for hold in holds where !hold.isReleased(at: leaseNow) {
        let until = hold.isAcknowledged ? hold.leaseEnds ?? leaseNow : max(hold.leaseEnds ?? latest, latest)
        try tables.putFormerLease(
          ObservedLease(subnet: dhcpID, mac: hold.mac, address: hold.place.address, until: until), in: fabric)
      }
      from = holds.count == FreeAddressSearch.pieceSize ? holds.last?.place.address.next : nil
    }
    try tables.deleteHolds(dhcpID)
  }
}
