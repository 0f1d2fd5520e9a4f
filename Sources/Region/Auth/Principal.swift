package import Provisioning

/// Who makes a call, as the authentication interceptor found out.
package enum Principal: Sendable, Hashable {
  /// A caller on this machine while no tokens file is configured: whoever may open the socket is an administrator.
  case local
  /// A line of the tokens file.
  case operators(name: String, role: Role)
  /// A pserv that showed its lasting credential.
  case agent(AgentName)
  /// Nobody in particular; may enrol and ask for health.
  case anonymous

  /// The role for operators' methods; nil for callers that are no operators.
  package var role: Role? {
    switch self {
    case .local: .admin
    case .operators(_, let role): role
    case .agent, .anonymous: nil
    }
  }
}

/// What an operator may do; each role includes the ones before it.
package enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Reads.
  case viewer
  /// Also changes subnets, nodes and boot profiles.
  case `operator`
  /// Also decides about agents.
  case admin

  package static func < (left: Role, right: Role) -> Bool {
    left.rank < right.rank
  }

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .operator: 1
    case .admin: 2
    }
  }
}
