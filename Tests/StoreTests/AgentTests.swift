import Provisioning
import Testing

@testable import Store

@Suite struct AgentTests {
  @Test(arguments: Engine.allCases) func aTokenEnrollsOnceAndSurvivesALostAnswer(engine: Engine) async throws {
    let world = World()
    let store = try engine.open(world)
    try await store.write { tx in
      _ = try tx.createAgent("rack1", token: [9], tokenExpires: tx.now.advanced(bySeconds: 60))
    }
    func enroll(_ token: [UInt8], _ attempt: [UInt8], _ credential: [UInt8]) async throws {
      try await store.write { tx in
        _ = try tx.enroll("rack1", token: token, attempt: attempt, credential: credential)
      }
    }
    await #expect(throws: Refusal.notEnrolled("rack1")) { try await enroll([8], [1], [1]) }
    try await enroll([9], [1], [1])
    try await enroll([9], [1], [2])
    await #expect(throws: Refusal.notEnrolled("rack1")) { try await enroll([9], [7], [3]) }
    #expect(try await store.read { try $0.agent(credential: [1]) } == nil)
    #expect(try await store.read { try $0.agent(credential: [2]) }?.state == .enrolled)
    // The first session burns the token.
    try await store.write { tx in
      _ = try tx.claimSession(of: "rack1", boot: BootID(bits: 1), links: [], version: "1", protocolVersion: 1)
    }
    await #expect(throws: Refusal.notEnrolled("rack1")) { try await enroll([9], [1], [4]) }
    // A new token ends the old identity.
    try await store.write { tx in
      _ = try tx.reissueToken(of: "rack1", token: [5], tokenExpires: tx.now.advanced(bySeconds: 60))
    }
    #expect(try await store.read { try $0.agent(credential: [2]) } == nil)
    world.advance(seconds: 61)
    await #expect(throws: Refusal.notEnrolled("rack1")) { try await enroll([5], [1], [6]) }
  }

  @Test(arguments: Engine.allCases) func aSecondBootDisplacesTheFirst(engine: Engine) async throws {
    let store = try engine.open()
    try await store.write { tx in
      _ = try tx.createAgent("rack1", token: [9], tokenExpires: tx.now.advanced(bySeconds: 60))
    }
    func claim(_ boot: UInt128) async throws -> SessionClaimed {
      try await store.write { tx in
        try tx.claimSession(of: "rack1", boot: BootID(bits: boot), links: [], version: "1", protocolVersion: 1)
      }
    }
    let first = try await claim(1)
    let again = try await claim(1)
    let other = try await claim(2)
    #expect([first.session, again.session, other.session] == [SessionEpoch(1), SessionEpoch(2), SessionEpoch(3)])
    #expect([first.displaced, again.displaced, other.displaced] == [nil, nil, BootID(bits: 1)])
    await #expect(throws: Refusal.superseded) {
      try await store.write { try $0.renewSession(of: "rack1", session: again.session) }
    }
    try await store.write { try $0.renewSession(of: "rack1", session: other.session, warnings: ["slow"]) }
    #expect(try await store.read { try $0.agent(named: "rack1") }?.warnings == ["slow"])
  }

  @Test(arguments: Engine.allCases) func anAgentWithSubnetsIsRemovedByForceOnly(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    _ = try await store.serve("hall2", by: "rack1")
    await #expect(throws: Refusal.agentOwnsSubnets("rack1", count: 2)) {
      try await store.write { try $0.removeAgent("rack1", force: false) }
    }
    let freed = try await store.write { try $0.removeAgent("rack1", force: true) }
    #expect(freed.count == 2)
    #expect(try await store.row("hall1").progress.owner == nil)
    #expect(try await store.row("hall1").progress.epoch == Epoch(2))
    #expect(try await store.read { try $0.agent(named: "rack1") } == nil)
  }

  @Test(arguments: Engine.allCases)
  func anAgentThatMayStillServeARemovedSubnetIsRemovedByForceOnly(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    _ = try await store.write { try $0.removeSubnet("hall1") }
    await #expect(throws: Refusal.agentOwnsSubnets("rack1", count: 1)) {
      try await store.write { try $0.removeAgent("rack1", force: false) }
    }
    #expect(try await store.write { try $0.removeAgent("rack1", force: true) }.isEmpty)
    #expect(try await store.read { try $0.retiredSubnets(ownedBy: "rack1") }.isEmpty)
  }

  @Test(arguments: Engine.allCases)
  func anEpochRisesAboveWhatTheAgentSawButNotAnyhow(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    _ = try await store.serve("hall1", by: "rack1")
    let id = try await store.row("hall1").subnet.dhcpID
    try await store.write { try $0.raiseEpoch(of: id, above: Epoch(5_000)) }
    #expect(try await store.row("hall1").progress.epoch == Epoch(5_001))
    try await store.write { try $0.raiseEpoch(of: id, above: Epoch(3)) }
    #expect(try await store.row("hall1").progress.epoch == Epoch(5_001))
    try await store.write { try $0.raiseEpoch(of: id, above: Epoch(.max)) }
    let row = try await store.row("hall1")
    #expect(row.progress.epoch == Epoch(5_001))
    #expect(row.progress.trouble?.code == "EPOCH_ABSURD")
  }

  @Test(arguments: Engine.allCases) func agentsAndTheirFilesAreListed(engine: Engine) async throws {
    let store = try engine.open()
    try await store.write { tx in
      for number in 1...12 {
        _ = try tx.createAgent(try AgentName("rack\(number)"), token: [9], tokenExpires: tx.now)
      }
      try tx.setBootFiles(
        [
          BootFile(path: "rescue/vmlinuz", sha256: [UInt8](repeating: 7, count: 32), sizeBytes: 11),
          BootFile(path: "rescue/missing", sha256: nil, sizeBytes: 0),
        ], of: "rack2")
    }
    let first = try await store.read { try $0.agents(limit: 10) }
    #expect(first.items.map(\.name.text) == (1...10).map { "rack\($0)" })
    let rest = try await store.read { [key = try #require(first.next)] in try $0.agents(after: key, limit: 10) }
    #expect(rest.items.map(\.name.text) == ["rack11", "rack12"])
    #expect(rest.next == nil)
    let files = try await store.read { try $0.bootFiles(of: "rack2") }
    #expect(files.map(\.path.text) == ["rescue/missing", "rescue/vmlinuz"])
    #expect(files[1].sizeBytes == 11)
  }
}
