package import Provisioning

extension EventKind {
  /// An owner does not serve its subnet although it should.
  package static let subnetTrouble = EventKind(rawValue: "SUBNET_TROUBLE")
  /// It serves it again.
  package static let subnetTroubleEnded = EventKind(rawValue: "SUBNET_TROUBLE_ENDED")
  /// A lease was released or deleted.
  package static let leaseEnded = EventKind(rawValue: "LEASE_ENDED")
  /// The database is older than an agent.
  package static let storeRestored = EventKind(rawValue: "STORE_RESTORED")
  /// Two machines use one agent's identity.
  package static let twoAgentsOneIdentity = EventKind(rawValue: "TWO_AGENTS_ONE_IDENTITY")
  /// Unknown machines were not taken in because there were too many.
  package static let enlistmentsLimited = EventKind(rawValue: "ENLISTMENTS_LIMITED")
  /// An agent brought more events than are kept of one.
  package static let eventsLimited = EventKind(rawValue: "EVENTS_LIMITED")
  /// An operator gave an agent a new one-time token.
  package static let agentTokenIssued = EventKind(rawValue: "AGENT_TOKEN_ISSUED")
  package static let agentDraining = EventKind(rawValue: "AGENT_DRAINING")
  package static let agentUndrained = EventKind(rawValue: "AGENT_UNDRAINED")

  /// `BOOT_KERNEL`, `BOOT_PHONE_HOME`: a machine reached a stage, or failed in it.
  package static func boot(_ stage: BootStage) -> EventKind {
    let word = switch stage {
    case .discover: "DISCOVER"
    case .ack: "ACK"
    case .loader: "LOADER"
    case .script: "SCRIPT"
    case .kernel: "KERNEL"
    case .phoneHome: "PHONE_HOME"
    }
    return EventKind(rawValue: "BOOT_\(word)")
  }
}
