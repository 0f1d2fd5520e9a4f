package import Provisioning

/// Decides what somebody who waits for generations is told, and when the wait is over.
///
/// Fed with the state of a subnet whenever it may have changed; says each thing once.
package struct ApplyWait: Sendable {
  /// What the caller of a wait is told next.
  package struct Update: Sendable, Hashable {
    package var subnet: SubnetName
    package var generation: Generation
    package var agent: AgentName?
    package var isApplied: Bool
    package var detail: String
    package var lag: Duration?
    /// Subnets that are not there yet.
    package var remaining: Int
  }

  private struct Target {
    var subnet: SubnetName
    var generation: Generation
    var reported: ApplyProgress.Obstacle?
  }

  /// Subnets one call may wait for.
  package static let subnetsMax = 10_000

  private var targets: [DHCPSubnetID: Target] = [:]
  /// Whose subnets must have another owner before they count as applied.
  private let leaving: AgentName?

  /// Of several generations of one subnet the newest counts.
  package init(_ generations: [SubnetGeneration], leaving: AgentName? = nil) {
    self.leaving = leaving
    for wanted in generations {
      let known = targets[wanted.dhcpID]?.generation ?? .zero
      targets[wanted.dhcpID] = Target(subnet: wanted.subnet, generation: max(known, wanted.generation))
    }
  }

  package var isOver: Bool { targets.isEmpty }

  /// What is still waited for, in ascending order.
  package var pending: [DHCPSubnetID] { targets.keys.sorted() }

  /// - Parameter progress: Nil when the subnet is gone, which ends the wait for it: nobody serves it any more.
  /// - Returns: What is new about it, or nil.
  package mutating func observe(
    _ progress: ApplyProgress?, of id: DHCPSubnetID, now: Timestamp
  ) -> Update? {
    guard var target = targets[id] else { return nil }
    guard let progress else {
      targets[id] = nil
      return update(target, agent: nil, isApplied: true, detail: "\(target.subnet) was removed")
    }
    // Applied rows are worth nothing while DHCP is kept off: nobody is served by them.
    if let owner = progress.owner, owner.agent != leaving, progress.applied >= target.generation, progress.trouble == nil {
      targets[id] = nil
      return update(
        target, agent: progress.owner?.agent, isApplied: true, detail: progress.appliedWords,
        lag: progress.lag)
    }
    let obstacle = progress.owner.flatMap { $0.agent == leaving ? .leaving($0.agent) : nil } ?? progress.obstacle
    guard obstacle != target.reported else { return nil }
    target.reported = obstacle
    targets[id] = target
    return update(
      target, agent: progress.owner?.agent, isApplied: false,
      detail: progress.words(for: obstacle, now: now))
  }

  private func update(
    _ target: Target, agent: AgentName?, isApplied: Bool, detail: String, lag: Duration? = nil
  ) -> Update {
    Update(
      subnet: target.subnet, generation: target.generation, agent: agent, isApplied: isApplied,
      detail: detail, lag: lag, remaining: targets.count)
  }
}
