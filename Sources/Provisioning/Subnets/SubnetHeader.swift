/// What travels in a subnet's feed beside its bindings: all an agent needs to serve it. It does not
/// depend on who serves it, so its digest survives a change of owner.
package struct SubnetHeader: Hashable, Sendable {
  package var dhcpID: DHCPSubnetID
  package var name: SubnetName
  package var fabric: FabricName
  package var prefix: IPv4Prefix
  package var vlan: UInt16?
  package var gateway: IPv4Address?
  package var pool: AddressPool
  package var dnsServers: [IPv4Address]
  package var domain: DomainName?
  package var ntpServers: [IPv4Address]
  package var leaseSeconds: UInt32
  package var isDHCPOn: Bool
  package var relays: [IPv4Address]

  package init(dhcpID: DHCPSubnetID, spec: SubnetSpec) {
    self.dhcpID = dhcpID
    name = spec.name
    fabric = spec.fabric
    prefix = spec.prefix
    vlan = spec.vlan
    gateway = spec.gateway
    pool = spec.pool
    dnsServers = spec.dnsServers
    domain = spec.domain
    ntpServers = spec.ntpServers
    leaseSeconds = spec.leaseSeconds
    isDHCPOn = spec.isDHCPOn
    relays = spec.relays
  }

  package init(
    dhcpID: DHCPSubnetID, name: SubnetName, fabric: FabricName, prefix: IPv4Prefix, vlan: UInt16?,
    gateway: IPv4Address?, pool: AddressPool, dnsServers: [IPv4Address], domain: DomainName?,
    ntpServers: [IPv4Address], leaseSeconds: UInt32, isDHCPOn: Bool, relays: [IPv4Address]
  ) {
    self.dhcpID = dhcpID
    self.name = name
    self.fabric = fabric
    self.prefix = prefix
    self.vlan = vlan
    self.gateway = gateway
    self.pool = pool
    self.dnsServers = dnsServers
    self.domain = domain
    self.ntpServers = ntpServers
    self.leaseSeconds = leaseSeconds
    self.isDHCPOn = isDHCPOn
    self.relays = relays
  }
}
