package import Provisioning

/// One thing that stands between a node and its next boot, with what an operator can do about it.
package enum Finding: Sendable, Hashable {
  case noInterface(node: NodeName)
  case notAttached(node: NodeName)
  case notAccepted(node: NodeName)
  case noOwner(subnet: SubnetName, agents: [AgentName])
  case dhcpOff(subnet: SubnetName)
  case foreignServer(subnet: SubnetName, words: String)
  case subnetTrouble(subnet: SubnetName, agent: AgentName, code: String, words: String)
  case quarantined(agent: AgentName, words: String, node: NodeName)
  case bootFileMissing(
    ExplainFacts.BootFileFact, agent: AgentName, directory: String, node: NodeName, status: String, times: Int)
  case addressHeld(IPv4Address, by: MACAddress, until: Timestamp?)
  /// The node wants a dynamic address.
  case noPool(subnet: SubnetName)
  case poolFull(subnet: SubnetName, used: UInt64, size: UInt64)
  case ownerSilent(agent: AgentName, silence: Age?, applied: Generation, isBehind: Bool)
  case waiting(agent: AgentName, generation: Generation, applied: Generation)
  case seenElsewhere(MACAddress, subnet: SubnetName, agent: AgentName, wanted: SubnetName, ago: Age)
  case bootFailed(BootStage, detail: String, times: Int, ago: Age)
  case notSeen(macs: [MACAddress], subnet: SubnetName, vlan: Int?)

  /// Stable reason for programs.
  package var code: String {
    switch self {
    case .noInterface: "NO_INTERFACE"
    case .notAttached: "NO_SUBNET"
    case .notAccepted: "NOT_ACCEPTED"
    case .noOwner: "NO_OWNER"
    case .dhcpOff: "DHCP_OFF"
    case .foreignServer: "FOREIGN_DHCP_SERVER"
    case .subnetTrouble(_, _, let code, _): code
    case .quarantined: "QUARANTINED"
    case .bootFileMissing: "BOOT_FILE_MISSING"
    case .addressHeld: "ADDRESS_HELD"
    case .noPool: "NO_POOL"
    case .poolFull: "POOL_FULL"
    case .ownerSilent: "OWNER_SILENT"
    case .waiting: "WAITING"
    case .seenElsewhere: "SEEN_ELSEWHERE"
    case .bootFailed: "BOOT_FAILED"
    case .notSeen: "NO_DISCOVER"
    }
  }

  /// What is wrong, one clause.
  package var why: String {
    switch self {
    case .noInterface(let node): "\(node) has no interface"
    case .notAttached(let node): "no interface of \(node) is in a subnet"
    case .notAccepted(let node): "\(node) enlisted itself and is not accepted yet"
    case .noOwner(let subnet, let agents) where agents.isEmpty: "no agent can serve \(subnet)"
    case .noOwner(let subnet, let agents): "none of its agents (\(agents.map(\.text).joined(separator: ", "))) can serve \(subnet)"
    case .dhcpOff(let subnet): "DHCP is off on \(subnet)"
    case .foreignServer(let subnet, let words): "\(subnet) not served: \(words)"
    case .subnetTrouble(let subnet, let agent, _, let words): "\(agent) does not serve \(subnet): \(words)"
    case .quarantined(let agent, let words, _): "quarantined by \(agent): \(words)"
    case .bootFileMissing(let file, let agent, _, _, let status, let times):
      "\(file.role.rawValue) '\(file.path)' is missing on \(agent)" + Self.repeated(status, times)
    case .addressHeld(let address, let mac, let until?): "\(address) is held by \(mac) until \(until.utcText)"
    case .addressHeld(let address, let mac, nil): "\(address) is held by \(mac) until its lease ends"
    case .noPool(let subnet): "\(subnet) has no pool, and the node wants a dynamic address"
    case .poolFull(let subnet, let used, let size): "the pool of \(subnet) is full (\(used) of \(size) leased)"
    case .ownerSilent(let agent, nil, _, _): "\(agent) was never online"
    case .ownerSilent(let agent, let silence?, let applied, false):
      "\(agent) silent for \(silence); if it still runs it serves generation \(applied)"
    case .ownerSilent(let agent, let silence?, _, true): "\(agent) silent for \(silence)"
    case .waiting(let agent, let generation, let applied):
      "waiting for generation \(generation): \(agent) has applied \(applied)"
    case .seenElsewhere(let mac, let subnet, let agent, _, let ago):
      "\(mac) was seen in \(subnet) by \(agent) \(ago) ago"
    case .bootFailed(let stage, let detail, let times, let ago):
      "\(stage.word) failed \(ago) ago" + Self.repeated(detail, times)
    case .notSeen(let macs, _, _):
      "no DISCOVER seen from any of its MACs (\(macs.map(\.description).joined(separator: ", ")))"
    }
  }

  /// What to do about it, one clause; empty when only time helps.
  package var fix: String {
    switch self {
    case .noInterface(let node), .notAttached(let node):
      "'muster node update \(node) --interface eth0 --mac MAC --subnet SUBNET --address auto'"
    case .notAccepted(let node): "'muster node accept \(node)'"
    case .noOwner(let subnet, _): "name one with a link in it or behind its relay: 'muster subnet update \(subnet) --agents AGENT'"
    case .dhcpOff(let subnet): "'muster subnet update \(subnet) --dhcp on'"
    case .foreignServer(let subnet, _): "stop it, then 'muster subnet update \(subnet) --dhcp on'"
    case .subnetTrouble(_, let agent, _, _): "see the log of muster-pserv on \(agent)"
    case .quarantined(_, _, let node): "correct it with 'muster node update \(node)'; the other nodes are served"
    case .bootFileMissing(_, let agent, let directory, let node, _, _):
      "put it in \(agent):\(directory), or 'muster node boot \(node) local'"
    case .addressHeld: "power that machine off and wait, or take the address at once with --force"
    case .noPool(let subnet): "add one with 'muster subnet update \(subnet) --pool', or give the node a fixed address"
    case .poolFull(let subnet, _, _): "widen it with 'muster subnet update \(subnet) --pool', or give the node a fixed address"
    case .ownerSilent(let agent, _, _, true): "start muster-pserv on \(agent); it will apply when it returns"
    case .ownerSilent(let agent, _, _, false): "look whether muster-pserv runs on \(agent) and reaches the region"
    case .waiting: ""
    case .seenElsewhere(let mac, let subnet, _, let wanted, _):
      "move the cable of \(mac) from \(subnet) to \(wanted), or the interface to \(subnet)"
    case .bootFailed: ""
    case .notSeen(_, let subnet, let vlan):
      "power it on with network boot first, and check that its cable is in \(subnet)"
        + (vlan.map { " (VLAN \($0))" } ?? "")
    }
  }

  private static func repeated(_ words: String, _ times: Int) -> String {
    let count = times > 1 ? "\(times) times" : ""
    let parts = [words, count].filter { !$0.isEmpty }
    return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
  }
}
