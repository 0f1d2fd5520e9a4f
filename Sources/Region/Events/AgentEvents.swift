internal import Provisioning
internal import Store
internal import Wire

/// The sentences of what agents apply.
enum AppliedEvents {
  static func applied(
    _ report: AppliedReport, _ message: MusterV1.Applied, of subnet: SubnetName, by actor: Actor
  ) -> Event {
    let took = Duration.nanoseconds(max(0, message.tookNs)).spoken
    let silence = message.silenceNs > 0 ? ", silent for \(Duration.nanoseconds(message.silenceNs).spoken)" : ""
    let probe = message.probe.isEmpty ? "" : ", \(message.probe)"
    let count = report.rejected.count + report.rejectedMore
    let rejected = count == 0 ? "" : ", \(count) in quarantine"
    return Event(
      .subnetApplied, actor: actor, subnet: subnet, agent: report.agent,
      message: "\(report.agent) applied generation \(report.generation) of \(subnet) in \(took)\(silence)\(probe)\(rejected)")
  }

  static func rejected(
    _ rejection: Rejection, _ binding: Binding?, of subnet: SubnetName, _ report: AppliedReport, by actor: Actor
  ) -> Event {
    Event(
      .bindingRejected, actor: actor, node: binding?.hostname, subnet: subnet, agent: report.agent,
      mac: rejection.mac, address: binding?.address,
      message: "\(report.agent) put \(binding?.hostname.text ?? "\(rejection.mac)") in quarantine: "
        + (rejection.message.isEmpty ? rejection.code : rejection.message))
  }
}

/// The sentences of why a subnet is not served.
enum TroubleEvents {
  static let foreignServerCode = "FOREIGN_DHCP_SERVER"

  static func event(_ trouble: SubnetTrouble?, of subnet: SubnetName, agent: AgentName, by actor: Actor) -> Event {
    guard let trouble else {
      return Event(
        .subnetTroubleEnded, actor: actor, subnet: subnet, agent: agent, message: "\(agent) serves \(subnet) again")
    }
    return Event(
      trouble.code == foreignServerCode ? .foreignServer : .subnetTrouble, actor: actor, subnet: subnet, agent: agent,
      message: "\(subnet) is not served: \(trouble.message.isEmpty ? trouble.code : trouble.message)")
  }
}

extension SubnetTrouble {
  /// Another DHCP server answers on the link, so that the agent keeps its own off until an operator says again that
  /// it is to be on.
  var isForeignServer: Bool { code == TroubleEvents.foreignServerCode }
}
