package import Provisioning

/// What machines lost between two states and may still be using by a lease.
package struct Vacated: Sendable, Hashable {
  /// Addresses that a machine lost and nobody gets, ascending.
  package var addresses: [VacatedAddress] = []
  /// What left the pools, ascending: whoever holds an address there holds it without a right to another term.
  package var ranges: [VacatedRange] = []

  package init(addresses: [VacatedAddress] = [], ranges: [VacatedRange] = []) {
    self.addresses = addresses
    self.ranges = ranges
  }

  package var isEmpty: Bool { addresses.isEmpty && ranges.isEmpty }

  /// Ascending, each once.
  package var subnets: [DHCPSubnetID] {
    Set(addresses.map(\.place.subnet) + ranges.map(\.subnet)).sorted()
  }

  /// Those of `leases` that outlived the right to them, ascending.
  package func left(of leases: [Lease]) -> [Lease] {
    let holders = Dictionary(addresses.map { ($0.place, $0.mac) }, uniquingKeysWith: { first, _ in first })
    let ranges = Dictionary(grouping: ranges, by: \.subnet)
    return leases.filter { lease in
      holders[SubnetAddress(subnet: lease.dhcpID, address: lease.address)] == lease.mac
        || ranges[lease.dhcpID]?.contains { $0.range.contains(lease.address) } ?? false
    }.sorted { ($0.dhcpID, $0.address) < ($1.dhcpID, $1.address) }
  }
}

/// An address that a machine had and has no longer, and that nobody else gets.
package struct VacatedAddress: Sendable, Hashable, Comparable {
  package var place: SubnetAddress
  package var mac: MACAddress

  package init(place: SubnetAddress, mac: MACAddress) {
    self.place = place
    self.mac = mac
  }

  package static func < (a: Self, b: Self) -> Bool { a.place < b.place }
}

/// A range that is in its subnet's pool no longer.
package struct VacatedRange: Sendable, Hashable, Comparable {
  package var subnet: DHCPSubnetID
  package var range: AddressRange

  package init(subnet: DHCPSubnetID, range: AddressRange) {
    self.subnet = subnet
    self.range = range
  }

  package static func < (a: Self, b: Self) -> Bool { (a.subnet, a.range) < (b.subnet, b.range) }
}
