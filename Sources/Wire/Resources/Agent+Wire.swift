package import Provisioning
internal import RPC

extension MusterV1.Agent {
  /// What the region counts for an agent.
  package struct Load: Sendable, Hashable {
    /// Subnets it owns, and of them those whose applied generation is behind head.
    package var subnets: Int
    package var behind: Int
    /// Age of the oldest generation not yet applied, nanoseconds; 0 when none.
    package var lagNanoseconds: Int64
    package var nodes: Int

    package init(subnets: Int = 0, behind: Int = 0, lagNanoseconds: Int64 = 0, nodes: Int = 0) {
      self.subnets = subnets
      self.behind = behind
      self.lagNanoseconds = lagNanoseconds
      self.nodes = nodes
    }
  }

  /// An agent as operators see it.
  ///
  /// - Parameters:
  ///   - isOnline: Whether the region believes in its session.
  ///   - links: As its newest session told them; nil takes what is stored.
  package init(_ agent: Agent, isOnline: Bool, load: Load = Load(), links: [MusterV1.Link]? = nil) {
    self.init(
      name: agent.name.text, uid: agent.id.description, state: MusterV1.AgentState(agent.state, isOnline: isOnline),
      links: links.map { $0.map(MusterV1.AgentLink.init) } ?? agent.links.map(MusterV1.AgentLink.init),
      subnets: UInt32(clamping: load.subnets), behind: UInt32(clamping: load.behind),
      lag: load.lagNanoseconds > 0 ? GoogleProtobuf.Duration(nanoseconds: load.lagNanoseconds) : nil,
      nodes: UInt64(clamping: load.nodes), lastSeenTime: agent.lastSeen.map(GoogleProtobuf.Timestamp.init),
      version: agent.version.text, sessionEpoch: agent.session.number, warnings: agent.warnings.map(\.text))
  }
}

extension MusterV1.AgentState {
  package init(_ state: Agent.State, isOnline: Bool) {
    self =
      switch state {
      case .pending: .pending
      case .enrolled: isOnline ? .online : .offline
      case .draining, .drained: .drained
      }
  }
}

extension MusterV1.AgentLink {
  package init(_ link: MusterV1.Link) {
    self.init(
      interface: link.interface, fabric: link.fabric,
      addresses: link.addresses.map { "\(IPv4Address(bits: $0.address))/\($0.prefixLength)" }, up: link.up)
  }

  /// A link that is only stored: without the prefix lengths.
  init(_ link: AgentLink) {
    self.init(
      interface: link.interface.text, fabric: link.fabric.text, addresses: link.addresses.map(\.description),
      up: link.isUp)
  }
}
