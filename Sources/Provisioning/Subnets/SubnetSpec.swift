/// What an operator decides about a subnet.
package struct SubnetSpec: Hashable, Sendable {
  package var name: SubnetName
  package var fabric: FabricName
  package var prefix: IPv4Prefix
  /// The VLAN the subnet's frames carry, 1 to 4094; `nil` if untagged or unknown.
  package var vlan: UInt16?
  package var gateway: IPv4Address?
  /// Addresses for machines without a reservation.
  package var pool: AddressPool
  package var dnsServers: [IPv4Address]
  /// The domain of the subnet's hosts; `nil` if they have none.
  package var domain: DomainName?
  package var ntpServers: [IPv4Address]
  /// How long a lease lasts, in seconds.
  package var leaseSeconds: UInt32
  /// True if an operator turned DHCP on. Off until then.
  package var isDHCPOn: Bool
  /// Addresses of the relays (`giaddr`) that forward this subnet's requests.
  package var relays: [IPv4Address]
  /// The agents that may serve the subnet; empty: any with an interface in it.
  package var agents: [AgentName]

  package static let leaseSecondsDefault: UInt32 = 3600
  package static let leaseSecondsRange: ClosedRange<UInt32> = 60...2_592_000
  package static let vlanRange: ClosedRange<UInt16> = 1...4094
  /// Shortest and longest prefix that DHCP serves here.
  package static let prefixLengthRange = 8...30
  package static let dnsServersMax = 8
  package static let ntpServersMax = 8
  package static let relaysMax = 16
  package static let agentsMax = 64

  package init(
    name: SubnetName, fabric: FabricName = .default, prefix: IPv4Prefix, vlan: UInt16? = nil,
    gateway: IPv4Address? = nil, pool: AddressPool = .empty, dnsServers: [IPv4Address] = [],
    domain: DomainName? = nil, ntpServers: [IPv4Address] = [],
    leaseSeconds: UInt32 = SubnetSpec.leaseSecondsDefault, isDHCPOn: Bool = false,
    relays: [IPv4Address] = [], agents: [AgentName] = []
  ) {
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
    self.agents = agents
  }
}

extension FabricName {
  /// The fabric of whoever names none.
  package static var `default`: FabricName { "default" }
}
