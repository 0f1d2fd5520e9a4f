/// What a batch of node changes does to feeds and held addresses. It decides; the store carries out.
package struct NodePlan: Hashable, Sendable {
  /// Changes that must not be carried out, by their index.
  package var refusals: [Int: Refusal] = [:]
  /// New contents of rows, ascending by key.
  package var upserts: [Binding] = []
  /// Rows that end, ascending.
  package var tombstones: [BindingKey] = []
  /// Addresses that nobody has any more, and who had them, ascending.
  package var holds: [AddressLoss] = []
  /// Holds that end because an address is in use again, ascending.
  package var unholds: [SubnetAddress] = []

  package init() {}

  /// The subnets whose feeds change, ascending: the order in which their rows are locked.
  package var subnets: [DHCPSubnetID] {
    Set(upserts.map(\.subnet) + tombstones.map(\.subnet)).sorted()
  }
}

/// An address that a machine had and nobody has now.
package struct AddressLoss: Hashable, Sendable {
  package var place: SubnetAddress
  package var mac: MACAddress

  package init(place: SubnetAddress, mac: MACAddress) {
    self.place = place
    self.mac = mac
  }
}

extension NodePlan {
  /// Checks a batch on its final state and says what it changes.
  ///
  /// Uniqueness is judged as if all changes had happened: two nodes may swap addresses, a MAC may
  /// move. Of two changes that want the same thing the later one is refused. With `.goodOnes`, a
  /// refused change leaves its node as it was, which may refuse others that counted on it.
  ///
  /// - Parameters:
  ///   - changes: At most one for a node; no interface is `auto`.
  ///   - occupancy: The holders of every name, MAC and address in `changes`, and all their subnets.
  package static func make(
    _ changes: [NodeChange], _ occupancy: Occupancy, mode: BatchMode, at now: Timestamp
  ) -> NodePlan {
    var check = NodePlanCheck(changes, occupancy, now)
    let refusals = check.run(mode)
    var plan = NodePlan()
    plan.refusals = refusals
    guard mode == .goodOnes || refusals.isEmpty else { return plan }
    let carried = changes.indices.filter { refusals[$0] == nil }.map { changes[$0] }
    plan.diff(carried.filter { !$0.isUnchanged }, occupancy)
    return plan
  }

  private mutating func diff(_ changes: [NodeChange], _ occupancy: Occupancy) {
    let dhcpIDs = occupancy.subnets.mapValues(\.dhcpID)
    var old: [BindingKey: Binding] = [:]
    var new: [BindingKey: Binding] = [:]
    for change in changes {
      for binding in change.before?.bindings(in: dhcpIDs) ?? [] { old[binding.key] = binding }
      for binding in change.after?.bindings(in: dhcpIDs) ?? [] { new[binding.key] = binding }
    }
    let taken = Set(new.values.compactMap(\.place))
    upserts = new.values.filter { old[$0.key] != $0 }.sorted { $0.key < $1.key }
    tombstones = old.keys.filter { new[$0] == nil }.sorted()
    holds = old.values
      .compactMap { binding in binding.place.map { AddressLoss(place: $0, mac: binding.mac) } }
      .filter { !taken.contains($0.place) }
      .sorted { $0.place < $1.place }
    unholds = taken.filter { occupancy.holds[$0] != nil }.sorted()
  }
}

extension Binding {
  /// The reserved address with its subnet.
  package var place: SubnetAddress? { address.map { SubnetAddress(subnet: subnet, address: $0) } }
}
