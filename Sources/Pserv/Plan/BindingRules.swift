package import Provisioning

/// The bindings that must not be served, found by our own rules.
///
/// The region checks the same and more. The agent does not rely on it: Kea's own check accepts network, broadcast and
/// gateway addresses, and two machines with one address are worse than one machine without.
///
/// - Parameters:
///   - bindings: All desired rows of the subnet, ascending by MAC.
///   - ownAddresses: The agent's host's own in the subnet.
///   - current: Who is served each address now; keeps it when two ask for the same.
/// - Returns: Ascending by MAC.
package func rejections(
  of bindings: [Binding], in header: SubnetHeader, ownAddresses: Set<IPv4Address>, current: [IPv4Address: MACAddress]
) -> [RejectedBinding] {
  var owners: [IPv4Address: MACAddress] = [:]
  owners.reserveCapacity(bindings.count)
  for binding in bindings {
    guard let address = binding.address else { continue }
    if owners[address] == nil || current[address] == binding.mac { owners[address] = binding.mac }
  }
  return bindings.compactMap { binding in
    guard let address = binding.address,
      let reason = reason(against: address, of: binding, in: header, ownAddresses: ownAddresses, owners: owners)
    else { return nil }
    return RejectedBinding(binding: binding, reason: reason)
  }
}

private func reason(
  against address: IPv4Address, of binding: Binding, in header: SubnetHeader, ownAddresses: Set<IPv4Address>,
  owners: [IPv4Address: MACAddress]
) -> RejectionReason? {
  let subnet = header.name
  if !header.prefix.contains(address) {
    return RejectionReason(.addressOutsideSubnet, "\(address) is outside \(subnet) (\(header.prefix))")
  }
  if address == header.prefix.network {
    return RejectionReason(.addressReserved, "\(address) is the network address of \(subnet)")
  }
  if address == header.prefix.broadcast {
    return RejectionReason(.addressReserved, "\(address) is the broadcast address of \(subnet)")
  }
  if address == header.gateway {
    return RejectionReason(.addressReserved, "\(address) is the gateway of \(subnet)")
  }
  if ownAddresses.contains(address) {
    return RejectionReason(.addressReserved, "\(address) is the agent's own address in \(subnet)")
  }
  if header.pool.contains(address) {
    return RejectionReason(.addressInPool, "\(address) is inside the pool of \(subnet) (\(header.pool))")
  }
  if let owner = owners[address], owner != binding.mac {
    return RejectionReason(.addressTaken, "\(address) belongs to \(owner)")
  }
  return nil
}
