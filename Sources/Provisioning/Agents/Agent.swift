/// A pserv as the region knows it.
package struct Agent: Hashable, Sendable {
  package var id: AgentID
  package var name: AgentName
  package var state: State
  /// The subnets an operator lets it serve; empty: whatever its links reach.
  package var allowedSubnets: [SubnetName]
  /// What it last said about its interfaces. Kept while it is away: a lost link moves nothing.
  package var links: [AgentLink]
  /// The version of its program, and of the session protocol.
  package var version: PlainText
  package var protocolVersion: UInt32
  package var session: SessionEpoch
  package var boot: BootID?
  package var lastSeen: Timestamp?
  /// What it warns of about itself; the full set.
  package var warnings: [PlainText]
  package var revision: Revision
  package var created: Timestamp

  package static let linksMax = 256
  package static let warningsMax = 32
  package static let allowedSubnetsMax = 4096

  package enum State: UInt8, Hashable, Sendable, CaseIterable {
    /// Announced by an operator; nobody has used its token.
    case pending = 1
    case enrolled = 2
    /// Its subnets are moving to others.
    case draining = 3
    /// It serves nothing and gets nothing.
    case drained = 4
  }

  package init(
    id: AgentID, name: AgentName, state: State = .pending, allowedSubnets: [SubnetName] = [],
    links: [AgentLink] = [], version: PlainText = .empty, protocolVersion: UInt32 = 0,
    session: SessionEpoch = .zero, boot: BootID? = nil, lastSeen: Timestamp? = nil, warnings: [PlainText] = [],
    revision: Revision = Revision(1), created: Timestamp
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.allowedSubnets = allowedSubnets
    self.links = links
    self.version = version
    self.protocolVersion = protocolVersion
    self.session = session
    self.boot = boot
    self.lastSeen = lastSeen
    self.warnings = warnings
    self.revision = revision
    self.created = created
  }
}

/// An interface of an agent's host that its configuration names.
package struct AgentLink: Hashable, Sendable {
  package var interface: InterfaceName
  package var fabric: FabricName
  package var addresses: [IPv4Address]
  package var isUp: Bool

  /// The most addresses of one link that are remembered.
  package static let addressesMax = 64

  package init(interface: InterfaceName, fabric: FabricName, addresses: [IPv4Address], isUp: Bool = true) {
    self.interface = interface
    self.fabric = fabric
    self.addresses = addresses
    self.isUp = isUp
  }

  /// True if requests of that subnet arrive here without a relay.
  package func reaches(fabric: FabricName, prefix: IPv4Prefix) -> Bool {
    self.fabric == fabric && addresses.contains { prefix.contains($0) }
  }
}
