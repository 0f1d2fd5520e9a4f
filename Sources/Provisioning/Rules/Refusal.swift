/// Why the region does not carry out what was asked. Nothing of the request was applied.
package enum Refusal: Error, Sendable, Hashable {
  case invalid([FieldProblem])
  case unknownNode(String)
  case unknownSubnet(String)
  case unknownProfile(String)
  case unknownAgent(String)
  case nodeExists(NodeName)
  case subnetExists(SubnetName)
  case profileExists(ProfileName)
  case agentExists(AgentName)
  /// The resource changed since the caller read it.
  case stale(what: String, read: Revision, now: Revision, by: Actor, at: Timestamp)
  case subnetHasNodes(SubnetName, count: Int)
  case profileInUse(ProfileName, by: NodeName)
  case profileIsBuiltIn(ProfileName)
  case agentOwnsSubnets(AgentName, count: Int)
  case wrongState(NodeName, NodeStateError)
  /// One request id, two different requests.
  case requestIDReused
  /// The token or credential of an agent is wrong, used or too old.
  case notEnrolled(AgentName)
  /// Another session of the agent, or another owner of the subnet, took over.
  case superseded
  case tooManyWrites(max: Int)
  case limitReached(what: String, max: Int)
}

extension Refusal {
  /// A stable reason for programs.
  package var code: String {
    switch self {
    case .invalid(let problems): problems.count == 1 ? problems[0].code.rawValue : "INVALID_FIELDS"
    case .unknownNode: "NODE_UNKNOWN"
    case .unknownSubnet: "SUBNET_UNKNOWN"
    case .unknownProfile: "PROFILE_UNKNOWN"
    case .unknownAgent: "AGENT_UNKNOWN"
    case .nodeExists, .subnetExists, .profileExists, .agentExists: "NAME_TAKEN"
    case .stale: "STALE_REVISION"
    case .subnetHasNodes: "SUBNET_HAS_NODES"
    case .profileInUse: "PROFILE_IN_USE"
    case .profileIsBuiltIn: "PROFILE_BUILT_IN"
    case .agentOwnsSubnets: "AGENT_OWNS_SUBNETS"
    case .wrongState: "WRONG_STATE"
    case .requestIDReused: "REQUEST_ID_REUSED"
    case .notEnrolled: "NOT_ENROLLED"
    case .superseded: "SUPERSEDED"
    case .tooManyWrites: "TOO_MANY_WRITES"
    case .limitReached: "LIMIT_REACHED"
    }
  }
}

extension Refusal: CustomStringConvertible {
  /// What an operator reads after `error: `, except the age of a stale revision, which only the
  /// reader's clock can tell.
  package var description: String {
    switch self {
    case .invalid(let problems): problems.map(\.description).joined(separator: "\n")
    case .unknownNode(let name): "node \(printable(name, octetsMax: 128)) does not exist."
    case .unknownSubnet(let name): "subnet \(printable(name, octetsMax: 128)) does not exist."
    case .unknownProfile(let name): "boot profile \(printable(name, octetsMax: 128)) does not exist."
    case .unknownAgent(let name): "agent \(printable(name, octetsMax: 128)) does not exist."
    case .nodeExists(let name): "node \(name) exists. Change it with 'muster node update \(name)'."
    case .subnetExists(let name): "subnet \(name) exists. Change it with 'muster subnet update \(name)'."
    case .profileExists(let name): "boot profile \(name) exists. Change it with 'muster boot update \(name)'."
    case .agentExists(let name): "agent \(name) exists."
    case .stale(let what, let read, let now, let by, _):
      "\(what) changed since you read it (revision \(read), now \(now), by \(by))."
    case .subnetHasNodes(let name, let count):
      "subnet \(name) still has \(count) \(count == 1 ? "node" : "nodes"). "
        + "List them with 'muster node list --subnet \(name)'; nothing was removed."
    case .profileInUse(let name, let node): "boot profile \(name) is used by node \(node). Change the node first."
    case .profileIsBuiltIn(let name): "boot profile \(name) is built in and cannot be removed."
    case .agentOwnsSubnets(let name, let count):
      "agent \(name) still owns \(count) \(count == 1 ? "subnet" : "subnets"). "
        + "Drain it first: 'muster agent drain \(name)', or if its host is off: 'muster agent remove \(name) --force'."
    case .wrongState(let name, let error): "node \(name): \(error)."
    case .requestIDReused: "the request id was used for another request. Choose a new one."
    case .notEnrolled(let name): "agent \(name): the token is wrong, used or too old. Issue a new one."
    case .superseded: "another session or owner took over."
    case .tooManyWrites(let max): "the request has more than \(max) writes. Split it."
    case .limitReached(let what, let max): "there are already \(max) \(what), the most there can be."
    }
  }
}
