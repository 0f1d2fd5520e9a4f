package import Provisioning

/// A subnet with everything that stands in its row.
package struct SubnetRow: Hashable, Sendable {
  package var subnet: Subnet
  package var progress: SubnetProgress
  /// The hash of the header that `progress.digest` contains.
  package var headerHash: RowHash
  /// No address below is free for `auto`; `nil`: look from the lowest.
  package var autoCursor: IPv4Address?
  /// Parts of former pools whose end the owner has not acknowledged.
  package var retired: [RetiredRange]

  package init(
    subnet: Subnet, progress: SubnetProgress, headerHash: RowHash, autoCursor: IPv4Address? = nil,
    retired: [RetiredRange] = []
  ) {
    self.subnet = subnet
    self.progress = progress
    self.headerHash = headerHash
    self.autoCursor = autoCursor
    self.retired = retired
  }
}

/// A subnet that was removed while an agent owned it. Until that agent says that it stopped, it may
/// go on answering there, so no other subnet gets the prefix.
package struct RetiredSubnet: Hashable, Sendable {
  package var dhcpID: DHCPSubnetID
  package var name: SubnetName
  package var fabric: FabricName
  package var prefix: IPv4Prefix
  package var owner: AgentName

  package init(dhcpID: DHCPSubnetID, name: SubnetName, fabric: FabricName, prefix: IPv4Prefix, owner: AgentName) {
    self.dhcpID = dhcpID
    self.name = name
    self.fabric = fabric
    self.prefix = prefix
    self.owner = owner
  }
}

/// A row of a feed with its stored hash.
package struct BindingRow: Hashable, Sendable {
  package var row: FeedRow
  /// The hash that the subnet's digest contains; `nil` for a tombstone.
  package var hash: RowHash?

  package init(row: FeedRow, hash: RowHash?) {
    self.row = row
    self.hash = hash
  }
}

/// An interface, where it can be found by its MAC and its subnet.
package struct InterfaceRow: Hashable, Sendable {
  package var mac: MACAddress
  /// `nil` if the interface has no subnet.
  package var fabric: FabricName?
  package var subnet: DHCPSubnetID?
  package var name: InterfaceName
  package var node: NodeID
  package var nodeName: NodeName

  package init(
    mac: MACAddress, fabric: FabricName?, subnet: DHCPSubnetID?, name: InterfaceName, node: NodeID,
    nodeName: NodeName
  ) {
    self.mac = mac
    self.fabric = fabric
    self.subnet = subnet
    self.name = name
    self.node = node
    self.nodeName = nodeName
  }
}

/// Which nodes a list shows; all that are set must hold.
package struct NodeFilter: Hashable, Sendable {
  /// With an interface in this subnet.
  package var subnet: DHCPSubnetID?
  /// In a state of this word; `failed` in whatever work.
  package var state: NodeState?
  package var tag: Tag?
  /// With an interface in a subnet that this agent owns.
  package var agent: AgentName?

  package init(
    subnet: DHCPSubnetID? = nil, state: NodeState? = nil, tag: Tag? = nil, agent: AgentName? = nil
  ) {
    self.subnet = subnet
    self.state = state
    self.tag = tag
    self.agent = agent
  }
}

/// Which subnets a list shows; all that are set must hold.
package struct SubnetFilter: Hashable, Sendable {
  package var fabric: FabricName?
  package var owner: AgentName?

  package init(fabric: FabricName? = nil, owner: AgentName? = nil) {
    self.fabric = fabric
    self.owner = owner
  }
}

/// Which events a list shows; all that are set must hold.
package struct EventFilter: Hashable, Sendable {
  package var node: NodeName?
  package var subnet: SubnetName?
  package var agent: AgentName?
  package var kind: EventKind?
  package var since: Timestamp?

  package init(
    node: NodeName? = nil, subnet: SubnetName? = nil, agent: AgentName? = nil, kind: EventKind? = nil,
    since: Timestamp? = nil
  ) {
    self.node = node
    self.subnet = subnet
    self.agent = agent
    self.kind = kind
    self.since = since
  }

  package func passes(_ event: Event) -> Bool {
    (node == nil || event.node == node) && (subnet == nil || event.subnet == subnet)
      && (agent == nil || event.agent == agent) && (kind == nil || event.kind == kind)
      && (since.map { event.time >= $0 } ?? true)
  }
}

/// The SHA-256 hashes of an agent's secrets; the secrets themselves are stored nowhere.
package struct AgentSecrets: Hashable, Sendable {
  /// Of the one-time token; `nil` if there is none.
  package var token: [UInt8]?
  package var tokenExpires: Timestamp?
  /// What the agent drew before it used the token, so that it may ask again after a lost answer.
  package var attempt: [UInt8]?
  /// Of the lasting credential.
  package var credential: [UInt8]?

  /// The size of each hash, in octets.
  package static let hashOctets = 32

  package init(
    token: [UInt8]? = nil, tokenExpires: Timestamp? = nil, attempt: [UInt8]? = nil, credential: [UInt8]? = nil
  ) {
    self.token = token
    self.tokenExpires = tokenExpires
    self.attempt = attempt
    self.credential = credential
  }
}

/// A request that was carried out, so that its repeat is answered and not carried out again.
package struct StoredRequest: Hashable, Sendable {
  /// Caller, method and request id, in whatever form the region chooses.
  package var key: [UInt8]
  package var time: Timestamp
  /// Tells a repeat from another request with the same id.
  package var fingerprint: [UInt8]
  /// The answer, encoded.
  package var outcome: [UInt8]

  package init(key: [UInt8], time: Timestamp, fingerprint: [UInt8], outcome: [UInt8]) {
    self.key = key
    self.time = time
    self.fingerprint = fingerprint
    self.outcome = outcome
  }
}
