/// A subnet as the region keeps it: what the operator decided, and its identity.
package struct Subnet: Hashable, Sendable {
  package var id: SubnetID
  package var dhcpID: DHCPSubnetID
  package var spec: SubnetSpec
  package var revision: Revision
  package var created: Timestamp
  package var updated: Timestamp
  /// Who changed it last.
  package var updatedBy: Actor

  package init(
    id: SubnetID, dhcpID: DHCPSubnetID, spec: SubnetSpec, revision: Revision, created: Timestamp,
    updated: Timestamp, updatedBy: Actor
  ) {
    self.id = id
    self.dhcpID = dhcpID
    self.spec = spec
    self.revision = revision
    self.created = created
    self.updated = updated
    self.updatedBy = updatedBy
  }

  package var name: SubnetName { spec.name }
  package var prefix: IPv4Prefix { spec.prefix }

  /// What the subnet's agent needs of it.
  package var header: SubnetHeader { SubnetHeader(dhcpID: dhcpID, spec: spec) }
}

/// How a subnet stands: who serves it and how far. Changes with every write to its feed.
package struct SubnetProgress: Hashable, Sendable {
  /// The newest generation of the feed.
  package var head: Generation
  /// Over all rows and the header at `head`.
  package var digest: SubnetDigest
  /// The generation that last changed the header.
  package var headerGeneration: Generation
  /// Tombstones up to this generation are gone: who has less needs a snapshot.
  package var collected: Generation
  /// Rows that are no tombstones.
  package var bindings: Int
  /// Of them, rows with an address.
  package var reservations: Int
  package var owner: AgentName?
  package var epoch: Epoch
  /// What the owner acknowledged at this epoch; zero before it did.
  package var applied: Generation
  package var appliedDigest: SubnetDigest
  /// Rows the owner put in quarantine at `applied`.
  package var rejected: Int
  /// When `applied` last grew.
  package var appliedAt: Timestamp?
  /// Why the owner does not serve the subnet at all; `nil` if it does.
  package var trouble: SubnetTrouble?
  /// When `head` last grew.
  package var changedAt: Timestamp

  package init(changedAt: Timestamp) {
    head = .zero
    digest = .zero
    headerGeneration = .zero
    collected = .zero
    bindings = 0
    reservations = 0
    owner = nil
    epoch = .zero
    applied = .zero
    appliedDigest = .zero
    rejected = 0
    appliedAt = nil
    trouble = nil
    self.changedAt = changedAt
  }

  /// True if the owner answers by some generation, not always the newest; some nodes may be in quarantine.
  package var isAnswered: Bool { owner != nil && trouble == nil && applied > .zero }

  /// How many generations the owner is behind.
  package var behind: UInt64 { head.number - min(applied.number, head.number) }
}
