/// What the rules about addresses need to know of a subnet.
package struct SubnetFacts: Hashable, Sendable {
  package var dhcpID: DHCPSubnetID
  package var name: SubnetName
  package var fabric: FabricName
  package var prefix: IPv4Prefix
  package var gateway: IPv4Address?
  package var pool: AddressPool
  package var relays: [IPv4Address]
  /// Addresses that agents' own interfaces have in the subnet.
  package var agentAddresses: [IPv4Address]
  package var epoch: Epoch
  /// Left the pool, and the owner has not acknowledged it.
  package var retired: [AddressRange]

  package init(
    _ subnet: Subnet, agentAddresses: [IPv4Address] = [], epoch: Epoch = .zero, retired: [AddressRange] = []
  ) {
    dhcpID = subnet.dhcpID
    name = subnet.name
    fabric = subnet.spec.fabric
    prefix = subnet.spec.prefix
    gateway = subnet.spec.gateway
    pool = subnet.spec.pool
    relays = subnet.spec.relays
    self.agentAddresses = agentAddresses
    self.epoch = epoch
    self.retired = retired
  }

  /// What is wrong with reserving `address` in this subnet for whomever, or `nil`.
  package func problem(reserving address: IPv4Address, field: String) -> FieldProblem? {
    let (code, message): (ProblemCode, String)
    if !prefix.contains(address) {
      (code, message) = (.addressOutsideSubnet, "is outside \(name) (\(prefix))")
    } else if address == prefix.network {
      (code, message) = (.addressReserved, "is the network address of \(name) (\(prefix))")
    } else if address == prefix.broadcast {
      (code, message) = (.addressReserved, "is the broadcast address of \(name) (\(prefix))")
    } else if address == gateway {
      (code, message) = (.addressReserved, "is the gateway of \(name)")
    } else if agentAddresses.contains(address) {
      (code, message) = (.addressReserved, "is an address of the agent that serves \(name)")
    } else if relays.contains(address) {
      (code, message) = (.addressReserved, "is a relay of \(name)")
    } else if let range = pool.ranges.first(where: { $0.contains(address) }) {
      (code, message) = (.addressInPool, "is inside the pool of \(name) (\(range))")
    } else if let range = retired.first(where: { $0.contains(address) }) {
      (code, message) = (.addressHeld, "was in the pool of \(name) (\(range)) until its agent confirms that it left")
    } else {
      return nil
    }
    return FieldProblem(
      field: field, value: "\(address)", code: code, message: message, fix: "choose another address or 'auto'")
  }

  /// The addresses that are given to nobody or by the pool, merged and ascending.
  package var excluded: [AddressRange] {
    var ranges = pool.ranges + retired
    let single = [prefix.network, prefix.broadcast] + (gateway.map { [$0] } ?? []) + relays + agentAddresses
    ranges += single.map { AddressRange(first: $0, last: $0) }
    ranges.sort()
    var merged: [AddressRange] = []
    for range in ranges {
      if let last = merged.last, range.first <= last.last || range.first == last.last.next {
        merged[merged.count - 1] = AddressRange(first: last.first, last: max(last.last, range.last))
      } else {
        merged.append(range)
      }
    }
    return merged
  }
}
