import CoreMetrics
import MetricsText
import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// What status, lists and explain say about a region with an agent.
@Suite struct OverviewTests {
  /// hall1 with DHCP on, owned by rack1, and the node r1n42 with the profile rescue.
  private func hall() async throws -> (OperatorLab, SessionEpoch) {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.profiles.createBootProfile(
      .init(bootProfile: .init(name: "rescue", kernel: "rescue/vmlinuz", initrds: ["rescue/initrd.gz"])))
    let session = try await lab.addAgent("rack1", address: "10.1.3.254")
    _ = try await lab.subnets.updateSubnet(
      .init(subnet: .init(name: "hall1", dhcpEnabled: true), updateMask: .init(paths: ["dhcp_enabled"])))
    try await lab.add(node: .sample("r1n42", mac: "52:54:00:00:00:2a", address: "10.1.0.42", profile: "rescue"))
    return (lab, session)
  }

  @Test func aRegionWithoutAgentsSaysWhoIsMissing() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a"))
    let status = try await lab.region.getStatus(.init())
    #expect(status.version == "0.1.0")
    #expect(!status.healthy)
    #expect(status.subnets == 2)
    #expect(status.nodes == 1)
    #expect(status.nodesServed == 0)
    #expect(status.problems.first?.subject == "subnet/hall1")
    #expect(status.problems.first?.message == "no agent can serve hall1 (1 node)")
  }

  @Test func anAppliedNodeIsServed() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    let status = try await lab.region.getStatus(.init())
    #expect(status.subnetsServed == 1)
    #expect(status.nodesServed == 1)
    #expect(status.agents.map(\.name) == ["rack1"])
    #expect(status.agents.first?.subnets == 1)
    let node = try await lab.node("r1n42")
    #expect(node.status?.served == true)
    #expect(node.status?.agent == "rack1")
    #expect(node.status?.head == 3)
    let subnet = try await lab.subnets.getSubnet(.init(name: "hall1"))
    #expect(subnet.status?.owner == "rack1")
    #expect(subnet.status?.applied == subnet.status?.head)
    #expect(subnet.status?.poolSize == 100)
  }

  @Test func whatWaitsForItsAgentIsBehindAndNotOut() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    for (index, name) in ["b", "c"].enumerated() {
      try await lab.add(node: .sample(name, mac: "52:54:00:00:01:0\(index)", address: "10.1.0.5\(index)"))
    }
    let status = try await lab.region.getStatus(.init())
    #expect((status.subnetsServed, status.subnetsBehind, status.changesBehind) == (0, 1, 2))
    #expect((status.nodesServed, status.nodesBehind) == (1, 2))
    #expect(!status.problems.contains { $0.subject == "subnet/hall1" }, "for a moment, that is no problem")
  }

  @Test func metricsSayWhatStatusSays() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    try await lab.add(node: .sample("b", mac: "52:54:00:00:01:01", address: "10.1.0.51"))
    lab.context.sessions.restore([(name: "rack1", session: session, lastSeen: lab.now)], uptime: 0)
    let metrics = TextMetrics()
    try await withMetricsFactory(metrics) { RegionMeter(context: lab.context) }.measure()
    let text = metrics.text()
    for line in [
      "subnets 2.0", "subnets_served 0.0", "subnets_behind 1.0", "changes_behind 1.0", "nodes 2.0", "nodes_new 0.0",
      "agents_online 1.0",
    ] { #expect(text.contains("\nmuster_region_\(line)\n")) }
  }

  @Test func aQuarantinedNodeTakesNoSubnetDown() async throws {
    let (lab, session) = try await hall()
    try await lab.apply(
      "hall1", by: "rack1", session, rejected: [Rejection(mac: "52:54:00:00:00:2a", code: "KEA", message: "no")])
    let status = try await lab.region.getStatus(.init())
    #expect((status.subnetsServed, status.nodesServed, status.nodesBehind) == (1, 0, 0))
    #expect(status.problems.contains { $0.code == "QUARANTINED" })
  }

  @Test func aNodeThatWaitsSaysForWhat() async throws {
    let (lab, _) = try await hall()
    let status = try await lab.node("r1n42").status
    #expect(status?.served == false)
    #expect(status?.reason == "waiting for generation 3: rack1 has applied 0")
  }

  @Test func aQuarantinedNodeIsExplainedInTheWordsOfTheServer() async throws {
    let (lab, session) = try await hall()
    try await lab.apply(
      "hall1", by: "rack1", session,
      rejected: [Rejection(mac: "52:54:00:00:00:2a", code: "KEA", message: "failed to add host")])
    let answer = try await lab.nodes.explainNode(.init(name: "r1n42"))
    #expect(!answer.healthy)
    #expect(answer.reason == "QUARANTINED")
    #expect(answer.why.first == "quarantined by rack1: failed to add host")
    #expect(answer.actor == "ops1")
    #expect(try await lab.subnets.getSubnet(.init(name: "hall1")).status?.quarantined == 1)
  }

  @Test func aNodeThatIsNotNamedAmongMoreRejectionsThanAreOnRecordIsNotCalledServed() async throws {
    let (lab, session) = try await hall()
    try await lab.apply(
      "hall1", by: "rack1", session,
      rejected: [Rejection(mac: "52:54:00:00:00:2b", code: "KEA", message: "failed to add host")],
      rejectedMore: Rejection.countMax)
    let status = try await lab.node("r1n42").status
    #expect(status?.served == false)
    #expect(
      status?.reason
        == "not known: rack1 cannot serve 10001 bindings of hall1, and only 10000 of them are on record")
    #expect(try await lab.subnets.getSubnet(.init(name: "hall1")).status?.quarantined == 10_001)
  }

  @Test func aMissingKernelIsExplained() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    _ = try await lab.context.store.write { transaction in
      try transaction.setBootFiles(
        [
          BootFile(path: "rescue/vmlinuz", sha256: nil, sizeBytes: 0),
          BootFile(path: "rescue/initrd.gz", sha256: Array(repeating: 7, count: 32), sizeBytes: 9),
        ], of: "rack1")
    }
    let answer = try await lab.nodes.explainNode(.init(name: "52:54:00:00:00:2a"))
    #expect(answer.reason == "BOOT_FILE_MISSING")
    #expect(answer.why.first == "kernel 'rescue/vmlinuz' is missing on rack1")
    #expect(answer.fix.first == "put it in rack1:/srv/muster/boot/rescue/, or 'muster node boot r1n42 local'")
    let profile = try await lab.profiles.getBootProfile(.init(name: "rescue"))
    #expect(profile.files.map(\.agent) == ["rack1", "rack1"])
    #expect(profile.files.map(\.sha256.isEmpty) == [true, false])
  }

  @Test func aCableInAnotherSubnetIsExplained() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    try await lab.context.store.write { transaction in
      try transaction.record(
        Event(
          .boot(.discover), actor: .agent("rack2"), node: "r1n42", subnet: "stor1", agent: "rack2",
          mac: "52:54:00:00:00:2a", message: "r1n42 reached discover"))
    }
    let answer = try await lab.nodes.explainNode(.init(name: "r1n42"))
    #expect(answer.why.contains("52:54:00:00:00:2a was seen in stor1 by rack2 0s ago"))
  }

  @Test func failuresAreCounted() async throws {
    let (lab, session) = try await hall()
    try await lab.apply("hall1", by: "rack1", session)
    let id = try NodeID(try await lab.node("r1n42").uid)
    let now = lab.now
    try await lab.context.store.write { transaction in
      try transaction.record(BootReport(stage: .discover, time: now), of: id)
      let detail = PlainText(sanitizing: "kernel rescue/vmlinuz: HTTP 404")
      try transaction.record(
        BootReport(stage: .kernel, time: now.advanced(bySeconds: 9), succeeded: false, detail: detail), of: id)
      for _ in 0..<3 {
        try transaction.record(
          Event(
            .boot(.kernel), actor: .agent("rack1"), node: "r1n42", subnet: "hall1", agent: "rack1",
            mac: "52:54:00:00:00:2a", message: "r1n42 failed in kernel: \(detail)"))
      }
    }
    let answer = try await lab.nodes.explainNode(.init(name: "r1n42"))
    #expect(answer.boot.map(\.stage) == [.discover, .kernel])
    #expect(answer.boot.map(\.failed) == [false, true])
    #expect(answer.why.first == "kernel 'rescue/vmlinuz' is missing on rack1 (HTTP 404, 3 times)")
  }

  @Test func dhcpThatIsOffIsExplained() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.addAgent("rack1", address: "10.1.3.254")
    try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a"))
    let answer = try await lab.nodes.explainNode(.init(name: "a"))
    #expect(answer.reason == "DHCP_OFF")
    #expect(answer.fix.first == "'muster subnet update hall1 --dhcp on'")
  }

  // MARK: Subnets and profiles

  @Test func subnetsAreListedByPrefix() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(subnet: .init(name: "a0", prefix: "10.0.0.0/24"))
    try await lab.add(subnet: .init(name: "lab", fabric: "lab", prefix: "10.1.0.0/24"))
    var names: [String] = []
    var token = ""
    repeat {
      let page = try await lab.subnets.listSubnets(.init(pageSize: 1, pageToken: token))
      names += page.subnets.map(\.name)
      token = page.nextPageToken
    } while !token.isEmpty
    #expect(names.count == 4)
    #expect(names.first == "a0" && names.last == "stor1")
    #expect(try await lab.subnets.listSubnets(.init(fabric: "lab")).subnets.map(\.name) == ["lab"])
  }

  @Test func aNewSubnetBeginsWithDHCPOffAndTheFirstGeneration() async throws {
    let lab = try OperatorLab()
    let response = try await lab.add(subnet: .init(name: "hall3", prefix: "10.3.0.0/24"))
    #expect(response.generations == [.init(subnet: "hall3", generation: 1)])
    #expect(response.subnet?.dhcpEnabled == false)
    #expect(response.subnet?.lease == .init(seconds: 3_600))
    #expect(response.subnet?.fabric == "default")
  }

  @Test func aSubnetIsGivenToTheAgentThatReachesItAtOnce() async throws {
    let lab = try OperatorLab()
    try await lab.addAgent("rack1", address: "10.3.0.2")
    let response = try await lab.add(subnet: .init(name: "hall3", prefix: "10.3.0.0/24"))
    #expect(response.subnet?.status?.owner == "rack1")
    #expect(response.subnet?.status?.epoch == 1)
  }

  @Test func anUnchangedSubnetTakesNoGeneration() async throws {
    let lab = try await OperatorLab().addHalls()
    let response = try await lab.subnets.updateSubnet(
      .init(subnet: .init(name: "hall1", gateway: "10.1.0.1"), updateMask: .init(paths: ["gateway"])))
    #expect(response.outcome == .unchanged)
    #expect(response.generations.isEmpty)
  }

  @Test func aStaleSubnetIsNotOverwritten() async throws {
    let lab = try await OperatorLab().addHalls()
    let update = MusterV1.UpdateSubnetRequest(
      subnet: .init(name: "hall1", domain: "dc1.example"), updateMask: .init(paths: ["domain"]), ifRevision: 1)
    #expect(try await lab.subnets.updateSubnet(update).subnet?.revision == 2)
    var again = update
    again.subnet?.domain = "dc2.example"
    #expect(await lab.refusal { try await lab.subnets.updateSubnet(again) }?.code == .aborted)
  }

  @Test func aChangedProfileRaisesTheRevisionOfTheSet() async throws {
    let lab = try OperatorLab()
    let first = try await lab.profiles.createBootProfile(.init(bootProfile: .init(name: "rescue", kernel: "a")))
    let update = MusterV1.UpdateBootProfileRequest(
      bootProfile: .init(name: "rescue", kernel: "b"), updateMask: .init(paths: ["kernel"]))
    let second = try await lab.profiles.updateBootProfile(update)
    #expect(second.outcome == .updated)
    #expect(second.profilesRevision == first.profilesRevision + 1)
    #expect(try await lab.profiles.updateBootProfile(update).outcome == .unchanged)
    #expect(try await lab.profiles.deleteBootProfile(.init(name: "rescue")).outcome == .removed)
    #expect(try await lab.profiles.listBootProfiles(.init()).bootProfiles.map(\.name) == ["enlist", "local"])
  }

  @Test func profilesPage() async throws {
    let lab = try OperatorLab()
    for index in 1...3 {
      _ = try await lab.profiles.createBootProfile(.init(bootProfile: .init(name: "p\(index)", kernel: "k")))
    }
    var names: [String] = []
    var token = ""
    repeat {
      let page = try await lab.profiles.listBootProfiles(.init(pageSize: 2, pageToken: token))
      names += page.bootProfiles.map(\.name)
      token = page.nextPageToken
    } while !token.isEmpty
    #expect(names == ["enlist", "local", "p1", "p2", "p3"])
  }
}
