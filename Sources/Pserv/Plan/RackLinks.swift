package import Provisioning

/// The interfaces that the operator named in the agent's configuration, as they are now.
package struct RackLinks: Sendable, Hashable {
  /// In the order of their names.
  package private(set) var named: [NamedLink]

  package struct NamedLink: Sendable, Hashable {
    package var state: LinkState
    package var fabric: FabricName

    package init(state: LinkState, fabric: FabricName) {
      self.state = state
      self.fabric = fabric
    }
  }

  /// - Parameter fabrics: The fabric of each interface; the agent never answers on an interface that is not named.
  package init(_ states: [LinkState], fabrics: [String: FabricName]) {
    named = states.compactMap { state in fabrics[state.interface].map { NamedLink(state: state, fabric: $0) } }
      .sorted { $0.state.interface < $1.state.interface }
  }

  /// Where the machines of `header`'s subnet are reached: a link inside the prefix, else any link of the fabric through
  /// the subnet's relays. The links' own order decides between several, so the answer does not flap with carriers.
  package func attachment(for header: SubnetHeader) -> Attachment? {
    let candidates = named.filter { $0.fabric == header.fabric }
    for link in candidates {
      if let own = link.state.addresses.first(where: { header.prefix.contains($0.address) }) {
        return Attachment(interface: link.state.interface, agentAddress: own.address, isRelayed: false)
      }
    }
    guard !header.relays.isEmpty else { return nil }
    for link in candidates {
      if let own = link.state.addresses.first {
        return Attachment(interface: link.state.interface, agentAddress: own.address, isRelayed: true)
      }
    }
    return nil
  }

  /// The host's own addresses among those of `header`'s subnet: on any link of its fabric, up or down.
  package func ownAddresses(in header: SubnetHeader) -> Set<IPv4Address> {
    let links = named.filter { $0.fabric == header.fabric }
    return Set(links.flatMap(\.state.addresses).map(\.address).filter { header.prefix.contains($0) })
  }

  /// False for a link that is down or gone.
  package func isUp(_ interface: String) -> Bool {
    named.first { $0.state.interface == interface }?.state.isUp ?? false
  }

  /// Links that are up here and were not in `before`.
  package func returned(since before: RackLinks) -> Set<String> {
    Set(named.filter(\.state.isUp).map(\.state.interface).filter { !before.isUp($0) })
  }
}
