package import Provisioning

/// The leases of a subnet's former owner that the daemon must know before it answers there.
package struct Adoption: Sendable, Hashable {
  package var subnet: DHCPSubnetID
  /// One an address, ascending.
  package var leases: [Lease]
  /// Whether the daemon answers on the subnet already. Then what it remembers is newer than what the region knows. If it
  /// only begins, what it remembers is from an earlier time, and the former owner's word is the newer one.
  package var isAnswered: Bool
  /// Seconds; the length of a lease in the subnet.
  package var leaseSeconds: UInt32

  /// `nil` when the daemon need not be told anything.
  ///
  /// A reserved address needs no lease: nobody but its owner is offered it.
  package init?(_ leases: [Lease], into subnet: ServedSubnet, isAnswered: Bool) {
    let reserved = Set(subnet.bindings.compactMap(\.address))
    let own = subnet.attachment?.agentAddress
    self.subnet = subnet.dhcpID
    self.isAnswered = isAnswered
    leaseSeconds = subnet.header.leaseSeconds
    self.leases = leases.filter { lease in
      subnet.header.prefix.contains(lease.address) && !reserved.contains(lease.address) && lease.address != own
    }
    if self.leases.isEmpty { return nil }
  }

  /// What the daemon has to be told. Each lease counts in full from now: it was renewed at the latest just before its
  /// owner stopped answering, and the ends that are told come from clocks of which any may be wrong.
  ///
  /// - Parameter known: The leases of the subnet that it remembers and that are in force.
  package func missing(besides known: [Lease], at now: Timestamp) -> [Lease] {
    let held = Dictionary(known.map { ($0.address, $0) }) { first, _ in first }
    let full = now.advanced(bySeconds: Int64(leaseSeconds))
    let longest = now.advanced(bySeconds: Int64(SubnetSpec.leaseSecondsRange.upperBound))
    return leases.compactMap { told in
      var lease = told
      // The lease may have been given when leases were longer.
      lease.until = min(max(told.until, full), longest)
      guard let other = held[lease.address] else { return lease }
      return !isAnswered && (other.mac != lease.mac || other.until < lease.until) ? lease : nil
    }
  }
}
