package import Provisioning

/// How far the owner of one subnet is, as somebody who waits for it wants to know.
package struct ApplyProgress: Sendable, Hashable {
  package var subnet: SubnetName
  package var head: Generation
  /// What the owner acknowledged at the present epoch.
  package var applied: Generation
  package var owner: Owner?
  /// Why the owner does not serve the subnet; nil when it does.
  package var trouble: String?
  /// The probe's word after the newest apply.
  package var probe: String
  /// Nodes the owner refused at `applied`.
  package var quarantined: Int
  /// Leases that came along with the subnet; nil when nobody asks.
  package var leases: Int?
  /// From the commit of the newest applied generation to its acknowledgement.
  package var lag: Duration?

  package init(
    subnet: SubnetName, head: Generation, applied: Generation, owner: Owner?, trouble: String? = nil,
    probe: String = "", quarantined: Int = 0, leases: Int? = nil, lag: Duration? = nil
  ) {
    self.subnet = subnet
    self.head = head
    self.applied = applied
    self.owner = owner
    self.trouble = trouble
    self.probe = probe
    self.quarantined = quarantined
    self.leases = leases
    self.lag = lag
  }

  package struct Owner: Sendable, Hashable {
    package var agent: AgentName
    package var isOnline: Bool
    /// Nil when it was never seen.
    package var lastSeen: Timestamp?

    package init(agent: AgentName, isOnline: Bool = true, lastSeen: Timestamp? = nil) {
      self.agent = agent
      self.isOnline = isOnline
      self.lastSeen = lastSeen
    }
  }
}

extension ApplyProgress {
  /// What keeps a generation from being applied. Equal obstacles are reported once.
  package enum Obstacle: Sendable, Hashable {
    case noOwner
    case silent(AgentName)
    case trouble(AgentName, String)
    case applying(AgentName)
    case leaving(AgentName)
  }

  /// What stands between this subnet and a generation it has not reached.
  package var obstacle: Obstacle {
    guard let owner else { return .noOwner }
    if !owner.isOnline { return .silent(owner.agent) }
    if let trouble { return .trouble(owner.agent, trouble) }
    return .applying(owner.agent)
  }

  /// The obstacle in words: "rack1 silent for 4m".
  package func words(for obstacle: Obstacle, now: Timestamp) -> String {
    switch obstacle {
    case .noOwner: "no agent can serve \(subnet)"
    case .silent(let agent):
      owner?.lastSeen.map { "\(agent) silent for \(now.age(since: $0))" } ?? "\(agent) was never online"
    case .trouble(let agent, let trouble): "\(agent) does not serve it: \(trouble)"
    case .leaving(let agent): "\(agent) has not stopped serving it"
    case .applying(let agent): "\(agent) is applying, at generation \(applied)"
    }
  }

  /// What an applied generation is worth: "probe ok", "probe ok, 31 leases handed over, 2 nodes quarantined".
  package var appliedWords: String {
    let along = leases.map { "\(counted($0, "lease")) handed over" } ?? ""
    let refused = quarantined == 0 ? "" : "\(counted(quarantined, "node")) quarantined"
    return [probe, along, refused].filter { !$0.isEmpty }.joined(separator: ", ")
  }
}
