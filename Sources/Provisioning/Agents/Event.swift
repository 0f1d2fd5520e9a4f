/// Something that happened, for people and programs that watch.
package struct Event: Hashable, Sendable {
  /// Grows with every event and is never given again: the token by which a watcher resumes.
  package var id: UInt64
  package var time: Timestamp
  package var kind: EventKind
  package var severity: Severity
  package var actor: Actor
  package var node: NodeName?
  package var subnet: SubnetName?
  package var agent: AgentName?
  /// One line for people, cut to `textOctetsMax`.
  package var text: String

  package static let textOctetsMax = 1024

  package enum Severity: UInt8, Hashable, Sendable, Comparable, CaseIterable {
    case info = 1
    case warning = 2
    case alarm = 3

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// An event that happens now: the store fills in `id` and `time`.
  package init(
    _ kind: EventKind, severity: Severity = .info, actor: Actor, node: NodeName? = nil,
    subnet: SubnetName? = nil, agent: AgentName? = nil, text: String = ""
  ) {
    id = 0
    time = Timestamp(nanoseconds: 0)
    self.kind = kind
    self.severity = severity
    self.actor = actor
    self.node = node
    self.subnet = subnet
    self.agent = agent
    self.text = printable(text, octetsMax: Self.textOctetsMax)
  }
}

/// The kind of an event, a word that does not change: `node.added`. Other modules add theirs.
package struct EventKind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  package var description: String { rawValue }

  package static let nodeAdded = EventKind(rawValue: "node.added")
  package static let nodeUpdated = EventKind(rawValue: "node.updated")
  package static let nodeRemoved = EventKind(rawValue: "node.removed")
  package static let nodeAccepted = EventKind(rawValue: "node.accepted")
  package static let nodeEnlisted = EventKind(rawValue: "node.enlisted")
  package static let enlistmentConflict = EventKind(rawValue: "node.enlistment_conflict")
  package static let bootStage = EventKind(rawValue: "node.boot_stage")
  package static let leaseGiven = EventKind(rawValue: "node.lease")
  package static let bindingRejected = EventKind(rawValue: "node.rejected")
  package static let subnetAdded = EventKind(rawValue: "subnet.added")
  package static let subnetUpdated = EventKind(rawValue: "subnet.updated")
  package static let subnetRemoved = EventKind(rawValue: "subnet.removed")
  package static let subnetAssigned = EventKind(rawValue: "subnet.assigned")
  package static let subnetApplied = EventKind(rawValue: "subnet.applied")
  package static let subnetHealed = EventKind(rawValue: "subnet.healed")
  package static let foreignServer = EventKind(rawValue: "subnet.foreign_server")
  package static let profileAdded = EventKind(rawValue: "boot_profile.added")
  package static let profileUpdated = EventKind(rawValue: "boot_profile.updated")
  package static let profileRemoved = EventKind(rawValue: "boot_profile.removed")
  package static let agentAdded = EventKind(rawValue: "agent.added")
  package static let agentEnrolled = EventKind(rawValue: "agent.enrolled")
  package static let agentOnline = EventKind(rawValue: "agent.online")
  package static let agentOffline = EventKind(rawValue: "agent.offline")
  package static let agentDisplaced = EventKind(rawValue: "agent.displaced")
  package static let agentDrained = EventKind(rawValue: "agent.drained")
  package static let agentRemoved = EventKind(rawValue: "agent.removed")
}
