package import Provisioning

/// What the region knows about itself when somebody asks how it is.
package struct StatusFacts: Sendable, Hashable {
  package var now: Timestamp
  package var agents: [AgentFact]
  /// The subnets that are worth a word: not served, behind, or with refused nodes. Not all subnets.
  package var subnets: [SubnetFact]
  /// Machines with one identity and other contradictions that an operator has to settle.
  package var conflicts: [Conflict]

  package init(
    now: Timestamp, agents: [AgentFact] = [], subnets: [SubnetFact] = [], conflicts: [Conflict] = []
  ) {
    self.now = now
    self.agents = agents
    self.subnets = subnets
    self.conflicts = conflicts
  }

  package struct AgentFact: Sendable, Hashable {
    package var name: AgentName
    package var isOnline: Bool
    /// Nil when it was never seen.
    package var lastSeen: Timestamp?
    /// Subnets it owns.
    package var subnets: Int
    package var warnings: [String]

    package init(
      name: AgentName, isOnline: Bool, lastSeen: Timestamp?, subnets: Int, warnings: [String] = []
    ) {
      self.name = name
      self.isOnline = isOnline
      self.lastSeen = lastSeen
      self.subnets = subnets
      self.warnings = warnings
    }
  }

  package struct SubnetFact: Sendable, Hashable {
    package var progress: ApplyProgress
    package var isDHCPEnabled: Bool
    package var nodes: Int
    /// When the oldest generation that is not applied was committed.
    package var behindSince: Timestamp?
    package var poolUsed: Int
    package var poolSize: Int

    package init(
      progress: ApplyProgress, isDHCPEnabled: Bool = true, nodes: Int = 0, behindSince: Timestamp? = nil,
      poolUsed: Int = 0, poolSize: Int = 0
    ) {
      self.progress = progress
      self.isDHCPEnabled = isDHCPEnabled
      self.nodes = nodes
      self.behindSince = behindSince
      self.poolUsed = poolUsed
      self.poolSize = poolSize
    }
  }

  package struct Conflict: Sendable, Hashable {
    package var subject: String
    package var message: String

    package init(subject: String, message: String) {
      self.subject = subject
      self.message = message
    }
  }
}
