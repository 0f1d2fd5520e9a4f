/// One network interface of a node.
package struct NetworkInterface: Hashable, Sendable {
  package var name: InterfaceName
  package var mac: MACAddress
  /// The subnet it is plugged into; `nil` if nobody said so. DHCP serves it only with a subnet.
  package var subnet: SubnetName?
  package var address: InterfaceAddress
  /// True if the node boots from this interface; so does exactly one of a stored node's.
  package var boot: Bool

  package init(
    name: InterfaceName, mac: MACAddress, subnet: SubnetName?, address: InterfaceAddress = .dynamic,
    boot: Bool = false
  ) {
    self.name = name
    self.mac = mac
    self.subnet = subnet
    self.address = address
    self.boot = boot
  }
}

/// How an interface gets its address.
package enum InterfaceAddress: Hashable, Sendable {
  /// This one, reserved.
  case fixed(IPv4Address)
  /// The lowest free one, chosen when it is written; a stored node has `fixed` instead.
  case auto
  /// Any from the subnet's pool, at the machine's request; none without a subnet.
  case dynamic

  package var fixed: IPv4Address? {
    if case .fixed(let address) = self { address } else { nil }
  }
}

extension InterfaceAddress: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fixed(let address): address.description
    case .auto: "auto"
    case .dynamic: "dynamic"
    }
  }
}

/// The baseboard controller of a node.
package struct BMC: Hashable, Sendable {
  package var address: HostAddress?
  package var mac: MACAddress?

  package init(address: HostAddress? = nil, mac: MACAddress? = nil) {
    self.address = address
    self.mac = mac
  }

  package var isEmpty: Bool { address == nil && mac == nil }
}
