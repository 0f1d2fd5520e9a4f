/// Chooses which agent owns a subnet.
///
/// Rendezvous hashing spreads subnets evenly without a table, and when an agent comes or goes only
/// its own subnets have to move. The choice is sticky on top: whoever owns a subnet keeps it, even
/// where another would now hash higher or a link is down, until it is removed, drained or no longer
/// allowed. Every move costs a takeover, so balance is no reason for one.
package enum Assignment: Hashable, Sendable {
  /// The present owner stays, or there is neither an owner nor a candidate.
  case keep
  case move(to: AgentName)
  /// The owner may not serve it any more, and nobody else can.
  case release

  package static func choose(
    for subnet: SubnetSpec, dhcpID: DHCPSubnetID, owner: AgentName?, among agents: [Agent]
  ) -> Assignment {
    if let owner, let agent = agents.first(where: { $0.name == owner }), agent.mayKeep(subnet) { return .keep }
    let best =
      agents
      .filter { $0.name != owner && $0.isEligible(for: subnet) }
      .max { a, b in
        (weight(a.name, dhcpID), a.name.text) < (weight(b.name, dhcpID), b.name.text)
      }
    if let best { return .move(to: best.name) }
    return owner == nil ? .keep : .release
  }

  /// The rendezvous weight: SipHash-2-4 of the subnet's 4-byte number and the agent's name.
  static func weight(_ agent: AgentName, _ dhcpID: DHCPSubnetID) -> UInt64 {
    var message = ByteWriter(reserving: 72)
    message.uint32(dhcpID.number)
    message.text(agent.text)
    return sipHash64(message.bytes, key: (0x6d75_7374_6572_0001, 0x6173_7369_676e_0001))
  }
}

extension Agent {
  /// True if an operator lets the agent serve the subnet.
  package func isAllowed(for subnet: SubnetSpec) -> Bool {
    (subnet.agents.isEmpty || subnet.agents.contains(name))
      && (allowedSubnets.isEmpty || allowedSubnets.contains(subnet.name))
  }

  /// True if the agent may become the owner: enrolled, allowed, and with an interface in the subnet, or named by the
  /// operator where relays bring the requests. Of an agent that never said its links the operator's word is believed.
  package func isEligible(for subnet: SubnetSpec) -> Bool {
    guard state == .enrolled, isAllowed(for: subnet) else { return false }
    return links.contains { $0.reaches(fabric: subnet.fabric, prefix: subnet.prefix) }
      || subnet.agents.contains(name) && (!subnet.relays.isEmpty || links.isEmpty)
  }

  /// True if the agent, being the owner, stays it. Its links do not matter.
  package func mayKeep(_ subnet: SubnetSpec) -> Bool {
    switch state {
    case .pending, .enrolled: isAllowed(for: subnet)
    case .draining, .drained: false
    }
  }
}
