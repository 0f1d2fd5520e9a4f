/// Identifies a row of a feed.
package struct BindingKey: Hashable, Sendable, Comparable {
  package var subnet: DHCPSubnetID
  package var mac: MACAddress

  package init(subnet: DHCPSubnetID, mac: MACAddress) {
    self.subnet = subnet
    self.mac = mac
  }

  package static func < (a: Self, b: Self) -> Bool { (a.subnet, a.mac) < (b.subnet, b.mac) }
}

/// An address in one subnet; the same number in another subnet is another address.
package struct SubnetAddress: Hashable, Sendable, Comparable {
  package var subnet: DHCPSubnetID
  package var address: IPv4Address

  package init(subnet: DHCPSubnetID, address: IPv4Address) {
    self.subnet = subnet
    self.address = address
  }

  package static func < (a: Self, b: Self) -> Bool { (a.subnet, a.address) < (b.subnet, b.address) }
}

/// What DHCP and boot answer to one MAC in one subnet.
package struct Binding: Hashable, Sendable {
  package var key: BindingKey
  package var node: NodeID
  package var hostname: NodeName
  /// The reserved address; `nil`: one from the pool.
  package var address: IPv4Address?
  /// What to boot; `nil` if the node does not boot from this interface.
  package var bootProfile: ProfileName?
  package var bootOnce: BootOnce?

  package init(
    key: BindingKey, node: NodeID, hostname: NodeName, address: IPv4Address?,
    bootProfile: ProfileName?, bootOnce: BootOnce? = nil
  ) {
    self.key = key
    self.node = node
    self.hostname = hostname
    self.address = address
    self.bootProfile = bootProfile
    self.bootOnce = bootOnce
  }

  package var subnet: DHCPSubnetID { key.subnet }
  package var mac: MACAddress { key.mac }
}

/// A row of a feed: the binding of a MAC since a generation, or that there is none any more.
package struct FeedRow: Hashable, Sendable {
  package var mac: MACAddress
  package var generation: Generation
  /// `nil` is a tombstone.
  package var binding: Binding?

  package init(mac: MACAddress, generation: Generation, binding: Binding?) {
    self.mac = mac
    self.generation = generation
    self.binding = binding
  }
}

extension Node {
  /// The rows this node asks for, in the order of its interfaces. `dhcpIDs` holds its subnets.
  package func bindings(in dhcpIDs: [SubnetName: DHCPSubnetID]) -> [Binding] {
    interfaces.compactMap { interface in
      guard let name = interface.subnet, let subnet = dhcpIDs[name] else { return nil }
      return Binding(
        key: BindingKey(subnet: subnet, mac: interface.mac), node: id, hostname: self.name,
        address: interface.address.fixed,
        bootProfile: interface.boot ? spec.bootProfile : nil,
        bootOnce: interface.boot ? bootOnce : nil)
    }
  }
}
