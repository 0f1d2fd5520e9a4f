internal import Provisioning

/// Which addresses change hands between two states.
package struct AddressMoves: Sendable, Hashable {
  /// Addresses with an owner they did not have, ascending.
  package var taken: [Taken] = []
  package var vacated = Vacated()

  package struct Taken: Sendable, Hashable {
    package var owner: ContestedAddress
    /// Whether the old configuration could give the address to somebody else: it was another's, or in the pool.
    package var wasObtainable: Bool
  }

  package init(from old: RackState, to new: RackState) {
    for subnet in new.answering {
      let before = old[subnet.dhcpID].flatMap { $0.answersDHCP ? $0 : nil }
      let owners = Self.owners(before?.bindings ?? [])
      for binding in subnet.bindings {
        guard let address = binding.address, owners[address] != binding.mac else { continue }
        let place = SubnetAddress(subnet: subnet.dhcpID, address: address)
        taken.append(
          Taken(
            owner: ContestedAddress(place: place, owner: binding.mac),
            wasObtainable: owners[address] != nil || before?.header.pool.contains(address) ?? false))
      }
    }
    for before in old.answering {
      let after = new[before.dhcpID].flatMap { $0.answersDHCP ? $0 : nil }
      let owners = Self.owners(after?.bindings ?? [])
      vacated.ranges += before.header.pool.subtracting(after?.header.pool ?? .empty).map {
        VacatedRange(subnet: before.dhcpID, range: $0)
      }
      for binding in before.bindings {
        guard let address = binding.address, owners[address] == nil else { continue }
        vacated.addresses.append(
          VacatedAddress(place: SubnetAddress(subnet: before.dhcpID, address: address), mac: binding.mac))
      }
    }
    taken.sort { $0.owner < $1.owner }
    vacated.addresses.sort()
  }

  /// Taken addresses that somebody else holds by a lease now, or could still get before the reload.
  package func contested(leases: [Lease]) -> [ContestedAddress] {
    let occupied = Set(occupied(by: leases).map(\.place))
    return taken.filter { $0.wasObtainable || occupied.contains($0.owner.place) }.map(\.owner)
  }

  /// Taken addresses that somebody else holds by a lease now.
  package func occupied(by leases: [Lease]) -> [ContestedAddress] {
    var holders: [SubnetAddress: MACAddress] = [:]
    for lease in leases { holders[SubnetAddress(subnet: lease.dhcpID, address: lease.address)] = lease.mac }
    return taken.map(\.owner).filter { owner in holders[owner.place].map { $0 != owner.owner } ?? false }
  }

  private static func owners(_ bindings: [Binding]) -> [IPv4Address: MACAddress] {
    var owners: [IPv4Address: MACAddress] = [:]
    owners.reserveCapacity(bindings.count)
    for binding in bindings {
      if let address = binding.address { owners[address] = binding.mac }
    }
    return owners
  }
}
