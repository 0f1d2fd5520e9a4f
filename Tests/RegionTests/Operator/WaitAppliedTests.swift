import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

@Suite struct WaitAppliedTests {
  @Test func theWaitEndsWhenTheOwnerAcknowledges() async throws {
    let lab = try OperatorLab(isInline: false)
    try await lab.addHalls()
    let session = try await lab.addAgent("rack1", address: "10.1.3.254")
    let generations = try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a")).generations
    let updates = try await lab.subnets.waitApplied(.init(generations: generations)) { responses in
      var updates: [MusterV1.WaitAppliedResponse] = []
      for try await update in responses {
        updates.append(update)
        if updates.count == 1 {
          lab.context.sessions.setProbe("probe ok", of: DHCPSubnetID(number: 1))
          try await lab.apply("hall1", by: "rack1", session)
        }
      }
      return updates
    }
    #expect(updates.map(\.applied) == [false, true])
    #expect(updates.first?.detail == "rack1 was never online")
    #expect(updates.last?.remaining == 0)
    #expect(updates.last?.agent == "rack1")
    #expect(updates.last?.detail == "probe ok")
  }

  @Test func whatIsAppliedAlreadyIsAnsweredAtOnce() async throws {
    let lab = try await OperatorLab().addHalls()
    let session = try await lab.addAgent("rack1", address: "10.1.3.254")
    try await lab.apply("hall1", by: "rack1", session)
    let updates = try await lab.subnets.waitApplied(.init(generations: [.init(subnet: "hall1", generation: 1)])) {
      var updates: [MusterV1.WaitAppliedResponse] = []
      for try await update in $0 { updates.append(update) }
      return updates
    }
    #expect(updates.map(\.applied) == [true])
  }

  @Test func aGenerationThatDoesNotExistIsNotWaitedFor() async throws {
    let lab = try await OperatorLab().addHalls()
    let refused = await lab.refusal {
      try await lab.subnets.waitApplied(.init(generations: [.init(subnet: "hall1", generation: 99)])) { responses in
        for try await _ in responses {}
      }
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.message == "generation 99 of hall1 does not exist; the newest is 1.")
  }

  @Test func nothingToWaitForEndsAtOnce() async throws {
    let lab = try OperatorLab()
    let count = try await lab.subnets.waitApplied(.init()) { responses in
      var count = 0
      for try await _ in responses { count += 1 }
      return count
    }
    #expect(count == 0)
  }
}

extension OperatorLab {
  /// The owner applies all there is of a subnet.
  func apply(
    _ subnet: String, by agent: String, _ session: SessionEpoch, rejected: [Rejection] = [], rejectedMore: Int = 0
  ) async throws {
    let subnet = try SubnetName(subnet)
    let agent = try AgentName(agent)
    _ = try await context.store.write { transaction in
      guard let row = try transaction.subnet(named: subnet) else { return }
      _ = try transaction.recordApplied(
        AppliedReport(
          agent: agent, session: session, subnet: row.subnet.dhcpID, epoch: row.progress.epoch,
          generation: row.progress.head, digest: row.progress.digest, rejected: rejected, rejectedMore: rejectedMore,
          leasesLeft: []))
    }
  }
}
