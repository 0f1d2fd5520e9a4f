internal import Provisioning
internal import RPC
internal import Store
internal import Wire

/// Claims a session durably and learns from Hello what was lost on the way: acknowledgements that never arrived,
/// epochs that this database does not know, links that make the agent eligible for more.
struct SessionOpening: Sendable {
  let context: RegionContext
  let greeting: Greeting

  /// - Returns: The claim; sessions of the agent claimed before it count for nothing from now on.
  func claim() async throws -> SessionClaim {
    let greeting = greeting
    let placement = Placement(online: context.sessions.onlineAgents() + [greeting.agent])
    return try await context.store.write { transaction in
      let claimed: SessionClaimed
      do {
        claimed = try transaction.claimSession(
          of: greeting.agent, boot: greeting.boot, links: greeting.links, version: greeting.version,
          protocolVersion: greeting.protocolVersion)
      } catch Refusal.unknownAgent {
        throw RPCError(.unauthenticated, "agent \(greeting.agent) was removed")
      }
      let incarnation = try transaction.incarnation().octets
      for have in greeting.haves {
        try Self.learn(have, of: claimed, incarnation: incarnation, in: &transaction)
      }
      // What the agent does not hold it does not serve: prefixes of removed subnets are free again.
      let held = Set(greeting.haves.map { DHCPSubnetID(number: $0.dhcpId) })
      try transaction.confirmReleases(by: greeting.agent, except: held)
      try placement.placeUnowned(in: &transaction)
      return SessionClaim(agent: greeting.agent, epoch: claimed.session, incarnation: incarnation)
    }
  }

  private static func learn(
    _ have: MusterV1.Have, of claimed: SessionClaimed, incarnation: [UInt8],
    in transaction: inout Transaction
  ) throws {
    let id = DHCPSubnetID(number: have.dhcpId)
    let name = claimed.agent.name
    guard let row = try transaction.subnet(id), row.progress.owner == name,
      claimed.agent.mayKeep(row.subnet.spec)
    else { return }
    guard have.epoch <= row.progress.epoch.number else {
      return try transaction.raiseEpoch(of: id, above: Epoch(have.epoch))
    }
    // With more rejections than a Hello names, the Applied that follows says which.
    guard have.rejectedMore == 0, have.epoch == row.progress.epoch.number, have.incarnation == incarnation,
      have.applied > 0,
      have.applied <= row.progress.head.number,
      have.applied > row.progress.applied.number || have.rejected.count != row.progress.rejected
    else { return }
    // Only the digest of what it received came along; it says something about what it applied when both are one.
    let digest = have.applied == have.generation ? have.digest : []
    guard have.applied < row.progress.head.number || !digest.isEmpty else { return }
    let report = AppliedReport(
      agent: name, session: claimed.session, subnet: id, epoch: row.progress.epoch,
      generation: Generation(have.applied),
      digest: digest.isEmpty ? .zero : try SubnetDigest(octets: digest, field: "Have.digest"),
      rejected: try have.rejected.prefix(Rejection.countMax).map { try Rejection($0) }, leasesLeft: nil)
    _ = try transaction.recordApplied(report)
  }
}
