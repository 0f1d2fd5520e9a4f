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

/// The kind of an event, words that do not change: `NODE_ADDED`. Other modules add theirs.
package struct EventKind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  package var description: String { rawValue }

  package static let nodeAdded = EventKind(rawValue: "NODE_ADDED")
  package static let nodeUpdated = EventKind(rawValue: "NODE_UPDATED")
  package static let nodeRemoved = EventKind(rawValue: "NODE_REMOVED")
  package static let nodeAccepted = EventKind(rawValue: "NODE_ACCEPTED")
  package static let nodeEnlisted = EventKind(rawValue: "NODE_ENLISTED")
  package static let enlistmentConflict = EventKind(rawValue: "NODE_ENLISTMENT_CONFLICT")
  package static let bootStage = EventKind(rawValue: "NODE_BOOT_STAGE")
  package static let leaseGiven = EventKind(rawValue: "LEASE")
  package static let bindingRejected = EventKind(rawValue: "NODE_REJECTED")
  package static let subnetAdded = EventKind(rawValue: "SUBNET_ADDED")
  package static let subnetUpdated = EventKind(rawValue: "SUBNET_UPDATED")
  package static let subnetRemoved = EventKind(rawValue: "SUBNET_REMOVED")
  package static let subnetAssigned = EventKind(rawValue: "SUBNET_ASSIGNED")
  package static let subnetApplied = EventKind(rawValue: "SUBNET_APPLIED")
  package static let subnetHealed = EventKind(rawValue: "SUBNET_HEALED")
  package static let foreignServer = EventKind(rawValue: "SUBNET_FOREIGN_SERVER")
  package static let profileAdded = EventKind(rawValue: "BOOT_PROFILE_ADDED")
  package static let profileUpdated = EventKind(rawValue: "BOOT_PROFILE_UPDATED")
  package static let profileRemoved = EventKind(rawValue: "BOOT_PROFILE_REMOVED")
  package static let agentAdded = EventKind(rawValue: "AGENT_ADDED")
  package static let agentEnrolled = EventKind(rawValue: "AGENT_ENROLLED")
  package static let agentOnline = EventKind(rawValue: "AGENT_ONLINE")
  package static let agentOffline = EventKind(rawValue: "AGENT_OFFLINE")
  package static let agentDisplaced = EventKind(rawValue: "AGENT_DISPLACED")
  package static let agentDrained = EventKind(rawValue: "AGENT_DRAINED")
  package static let agentRemoved = EventKind(rawValue: "AGENT_REMOVED")
}
