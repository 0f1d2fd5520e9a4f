/// Something that happened, for people and programs that watch.
package struct Event: Hashable, Sendable {
  /// Grows with every event and is never given again: the token by which a watcher resumes.
  package var id: UInt64
  package var time: Timestamp
  package var kind: EventKind
  package var actor: Actor
  package var node: NodeName?
  package var subnet: SubnetName?
  package var agent: AgentName?
  package var mac: MACAddress?
  package var address: IPv4Address?
  /// One sentence for people, cut to `messageOctetsMax`.
  package var message: String

  package static let messageOctetsMax = 512

  /// An event that happens now: the store fills in `id` and `time`.
  package init(
    _ kind: EventKind, actor: Actor, node: NodeName? = nil,
    subnet: SubnetName? = nil, agent: AgentName? = nil, mac: MACAddress? = nil,
    address: IPv4Address? = nil, message: String = ""
  ) {
    id = 0
    time = Timestamp(nanoseconds: 0)
    self.kind = kind
    self.actor = actor
    self.node = node
    self.subnet = subnet
    self.agent = agent
    self.mac = mac
    self.address = address
    self.message = printable(message, octetsMax: Self.messageOctetsMax)
  }
}

/// The kind of an event, words that do not change: `NODE_ADDED`. A released one stays, for the events that are stored.
package enum EventKind: String, CaseIterable, Sendable, CustomStringConvertible {
  case nodeAdded = "NODE_ADDED"
  case nodeUpdated = "NODE_UPDATED"
  case nodeRemoved = "NODE_REMOVED"
  case nodeAccepted = "NODE_ACCEPTED"
  case nodeEnlisted = "NODE_ENLISTED"
  case enlistmentConflict = "NODE_ENLISTMENT_CONFLICT"
  /// Unknown machines were not taken in because there were too many.
  case enlistmentsLimited = "ENLISTMENTS_LIMITED"
  case bindingRejected = "NODE_REJECTED"
  case bootDiscover = "BOOT_DISCOVER"
  case bootAck = "BOOT_ACK"
  case bootLoader = "BOOT_LOADER"
  case bootScript = "BOOT_SCRIPT"
  case bootKernel = "BOOT_KERNEL"
  case bootPhoneHome = "BOOT_PHONE_HOME"
  case leaseGiven = "LEASE"
  /// A lease was released or deleted.
  case leaseEnded = "LEASE_ENDED"
  case subnetAdded = "SUBNET_ADDED"
  case subnetUpdated = "SUBNET_UPDATED"
  case subnetRemoved = "SUBNET_REMOVED"
  case subnetAssigned = "SUBNET_ASSIGNED"
  case subnetApplied = "SUBNET_APPLIED"
  case subnetHealed = "SUBNET_HEALED"
  case foreignServer = "SUBNET_FOREIGN_SERVER"
  /// An owner does not serve its subnet although it should.
  case subnetTrouble = "SUBNET_TROUBLE"
  /// It serves it again.
  case subnetTroubleEnded = "SUBNET_TROUBLE_ENDED"
  case profileAdded = "BOOT_PROFILE_ADDED"
  case profileUpdated = "BOOT_PROFILE_UPDATED"
  case profileRemoved = "BOOT_PROFILE_REMOVED"
  case agentAdded = "AGENT_ADDED"
  /// An operator gave an agent a new one-time token.
  case agentTokenIssued = "AGENT_TOKEN_ISSUED"
  case agentEnrolled = "AGENT_ENROLLED"
  case agentOnline = "AGENT_ONLINE"
  case agentOffline = "AGENT_OFFLINE"
  case agentDraining = "AGENT_DRAINING"
  case agentDrained = "AGENT_DRAINED"
  case agentUndrained = "AGENT_UNDRAINED"
  case agentRemoved = "AGENT_REMOVED"
  /// Two machines use one agent's identity.
  case twoAgentsOneIdentity = "TWO_AGENTS_ONE_IDENTITY"
  /// An agent brought more events than are kept of one.
  case eventsLimited = "EVENTS_LIMITED"
  /// The database is older than an agent.
  case storeRestored = "STORE_RESTORED"

  package var description: String { rawValue }
}

extension EventKind {
  /// A machine reached a stage, or failed in it.
  package static func boot(_ stage: BootStage) -> EventKind {
    switch stage {
    case .discover: .bootDiscover
    case .ack: .bootAck
    case .loader: .bootLoader
    case .script: .bootScript
    case .kernel: .bootKernel
    case .phoneHome: .bootPhoneHome
    }
  }
}
