package import Provisioning

extension StoreView where Self: ~Copyable {
  package func incarnation() throws -> Incarnation { try tables.incarnation() }

  package func subnet(_ dhcpID: DHCPSubnetID) throws -> SubnetRow? { try tables.subnet(dhcpID) }

  package func subnet(named name: SubnetName) throws -> SubnetRow? { try tables.subnet(named: name) }

  /// Subnets by prefix.
  ///
  /// - Parameter key: `Page.next` of the piece before, or empty.
  package func subnets(
    _ filter: SubnetFilter = SubnetFilter(), after key: [UInt8] = [], limit: Int
  ) throws -> Page<SubnetRow> {
    try tables.subnets(filter, after: key, limit: min(limit, StoreLimits.pageMax))
  }

  /// The subnets an agent owns, by their numbers.
  package func subnets(ownedBy agent: AgentName) throws -> [SubnetRow] {
    try tables.subnetNumbers(ownedBy: agent, limit: StoreLimits.subnetsMax).compactMap { try tables.subnet($0) }
  }

  /// Subnets without an owner, by their numbers, at most `limit`.
  package func subnetsWithoutOwner(limit: Int = StoreLimits.pageMax) throws -> [SubnetRow] {
    try tables.subnetNumbers(ownedBy: nil, limit: limit).compactMap { try tables.subnet($0) }
  }

  /// Removed subnets that the agent has not confirmed to have stopped serving.
  package func retiredSubnets(ownedBy agent: AgentName) throws -> [RetiredSubnet] {
    try tables.retired(ownedBy: agent, limit: StoreLimits.pageMax)
  }

  package func subnetCount() throws -> Int { try tables.subnetCount() }

  /// What the rules about addresses need to know of a subnet.
  package func facts(of row: SubnetRow) throws -> SubnetFacts {
    let spec = row.subnet.spec
    let agents = try tables.linkAddresses(in: spec.fabric, spec.prefix.range, limit: StoreLimits.pageMax)
    return SubnetFacts(
      row.subnet, agentAddresses: agents.map(\.0), epoch: row.progress.epoch, retired: row.retired.filter { !$0.hasEnded(at: leaseNow) }.map(\.range))
  }

  /// The agents that may become owner of the subnet, by name.
  package func candidates(for subnet: SubnetSpec) throws -> [Agent] {
    var names = Set(subnet.agents)
    for (_, agent) in try tables.linkAddresses(in: subnet.fabric, subnet.prefix.range, limit: StoreLimits.pageMax) {
      names.insert(agent)
    }
    return try names.sorted().compactMap { try tables.agent($0) }
  }

  /// The row of a MAC in a subnet's feed; `nil` if there never was one or its tombstone is gone.
  package func feedRow(_ key: BindingKey) throws -> FeedRow? { try tables.binding(key)?.row }

  /// The bindings of a node, with the generations that last changed them.
  package func feedRows(of node: Node) throws -> [FeedRow] {
    var dhcpIDs: [SubnetName: DHCPSubnetID] = [:]
    for name in node.interfaces.compactMap(\.subnet) where dhcpIDs[name] == nil {
      dhcpIDs[name] = try tables.subnet(named: name)?.subnet.dhcpID
    }
    return try node.bindings(in: dhcpIDs).compactMap { try tables.binding($0.key)?.row }
  }

  /// Addresses of the subnet that cannot be given to a machine, ascending from `address`: reserved, held or leased.
  package func takenAddresses(_ subnet: DHCPSubnetID, from address: IPv4Address) throws -> FreeAddressSearch.Piece {
    let limit = FreeAddressSearch.pieceSize
    let reserved = try tables.addresses(in: subnet, from: address, limit: limit)
    let holds = try tables.holds(subnet, from: address, limit: limit)
    let leases = try tables.leases(
      subnet, in: AddressRange(first: address, last: IPv4Address(bits: .max)), limit: limit)
    // What lies after the end of a list that was cut is not known.
    var through = IPv4Address(bits: .max)
    if reserved.count == limit, let last = reserved.last { through = min(through, last) }
    if holds.count == limit, let last = holds.last { through = min(through, last.place.address) }
    if leases.count == limit, let last = leases.last { through = min(through, last.address) }
    let held = holds.filter { !$0.isReleased(at: leaseNow) }.map(\.place.address)
    let leased = leases.filter { $0.until > leaseNow }.map(\.address)
    let taken = Set(reserved + held + leased).filter { $0 <= through }.sorted()
    return FreeAddressSearch.Piece(taken: taken, through: through)
  }

  package func hold(_ place: SubnetAddress) throws -> HeldAddress? { try tables.hold(place) }

  /// Held addresses of a subnet, ascending.
  package func holds(_ subnet: DHCPSubnetID, from: IPv4Address, limit: Int) throws -> [HeldAddress] {
    try tables.holds(subnet, from: from, limit: min(limit, StoreLimits.pageMax))
  }

  /// What the owner put in quarantine at the generation it applied.
  package func rejections(_ subnet: DHCPSubnetID) throws -> [Rejection] {
    try tables.rejections(subnet, limit: Rejection.countMax)
  }

  package func rejection(_ key: BindingKey) throws -> Rejection? { try tables.rejection(key) }

  package func lease(_ place: SubnetAddress) throws -> ObservedLease? { try tables.lease(place) }

  /// The leases of a MAC in a subnet, newest end first.
  package func leases(of key: BindingKey) throws -> [ObservedLease] { try tables.leases(of: key) }

  /// What is known of leases in a subnet, ascending by address; some may have ended.
  package func leases(
    in subnet: DHCPSubnetID, from address: IPv4Address, limit: Int
  ) throws -> [ObservedLease] {
    try tables.leases(subnet, in: AddressRange(first: address, last: IPv4Address(bits: .max)), limit: limit)
  }

  /// How many addresses of the subnet have a lease that has not ended.
  package func leaseCount(of subnet: Subnet) throws -> Int {
    try tables.leaseCount(subnet.dhcpID, in: subnet.prefix.range, at: leaseNow)
  }

  /// How many addresses of the pool have a lease that has not ended.
  package func poolUse(of subnet: Subnet) throws -> Int {
    try subnet.spec.pool.ranges.reduce(0) { try $0 + tables.leaseCount(subnet.dhcpID, in: $1, at: leaseNow) }
  }
}
