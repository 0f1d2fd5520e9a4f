package import Provisioning

/// One interface of this host.
package struct LinkState: Sendable, Hashable {
  /// As the kernel names it.
  package var interface: String
  /// Carrier is there and the interface is up.
  package var isUp: Bool
  /// In the kernel's order; the first one of a prefix is its primary.
  package var addresses: [LinkAddress]

  package init(interface: String, isUp: Bool, addresses: [LinkAddress]) {
    self.interface = interface
    self.isUp = isUp
    self.addresses = addresses
  }
}

/// An address of an interface with the length of its prefix.
package struct LinkAddress: Sendable, Hashable {
  package var address: IPv4Address
  /// 0 to 32.
  package var prefixLength: Int

  package init(address: IPv4Address, prefixLength: Int) {
    self.address = address
    self.prefixLength = prefixLength
  }
}
