import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

@Suite struct NodeServiceTests {
  @Test func anAddedNodeGetsTheLowestFreeAddressAndAGeneration() async throws {
    let lab = try await OperatorLab().addHalls()
    let response = try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01"))
    #expect(response.outcome == .added)
    #expect(response.node?.interfaces.first?.address == "10.1.0.2")
    #expect(response.generations == [.init(subnet: "hall1", generation: 2)])
    #expect(response.node?.state == .ready)
    #expect(response.node?.revision == 1)
  }

  @Test func aNodeIsFoundByNameMACAndUID() async throws {
    let lab = try await OperatorLab().addHalls()
    let uid = try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01")).node?.uid ?? ""
    for name in ["web1", "WEB1", "52:54:00:00:00:01", "uid:\(uid)"] {
      #expect(try await lab.node(name).name == "web1")
    }
  }

  @Test func anUnchangedUpdateTakesNoGeneration() async throws {
    let lab = try await OperatorLab().addHalls()
    let added = try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01"))
    let response = try await lab.nodes.updateNode(
      .init(node: .sample("web1", mac: "52:54:00:00:00:01"), updateMask: .init(paths: ["interfaces"])))
    #expect(response.outcome == .unchanged)
    #expect(response.generations.isEmpty)
    #expect(response.node?.revision == added.node?.revision)
  }

  @Test func aRenameKeepsTheIdentity() async throws {
    let lab = try await OperatorLab().addHalls()
    let before = try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01"))
    let response = try await lab.nodes.updateNode(
      .init(node: .init(name: "web1"), updateMask: .init(paths: ["name"]), newName: "web2"))
    #expect(response.node?.uid == before.node?.uid)
    #expect(try await lab.node("web2").interfaces == before.node?.interfaces)
    #expect(await lab.refusal { try await lab.node("web1") }?.code == .notFound)
  }

  @Test func aRemovedNodeIsGivenBackAsItLastWas() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01"))
    let response = try await lab.nodes.deleteNode(.init(name: "web1"))
    #expect(response.outcome == .removed)
    #expect(response.node?.interfaces.first?.address == "10.1.0.2")
    #expect(response.generations.map(\.generation) == [3])
  }

  @Test func aDryRunWritesNothing() async throws {
    let lab = try await OperatorLab().addHalls()
    let response = try await lab.nodes.createNode(
      .init(node: .sample("web1", mac: "52:54:00:00:00:01"), validateOnly: true))
    #expect(response.outcome == .added)
    #expect(response.node?.interfaces.first?.address == "10.1.0.2")
    #expect(await lab.refusal { try await lab.node("web1") }?.code == .notFound)
  }

  @Test func aRepeatedRequestGetsTheFirstAnswer() async throws {
    let lab = try await OperatorLab().addHalls()
    let request = MusterV1.CreateNodeRequest(
      node: .sample("web1", mac: "52:54:00:00:00:01"), requestId: "a1")
    let first = try await lab.nodes.createNode(request)
    _ = try await lab.nodes.deleteNode(.init(name: "web1"))
    #expect(try await lab.nodes.createNode(request) == first)
    #expect(await lab.refusal { try await lab.node("web1") }?.code == .notFound)
  }

  @Test func aRequestIDOfAnotherRequestIsRefused() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.nodes.createNode(.init(node: .sample("web1", mac: "52:54:00:00:00:01"), requestId: "a1"))
    let refused = await lab.refusal {
      try await lab.nodes.createNode(.init(node: .sample("web2", mac: "52:54:00:00:00:02"), requestId: "a1"))
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.reason == "REQUEST_ID_REUSED")
  }

  @Test func twoCallersMayUseTheSameRequestID() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.nodes.createNode(.init(node: .sample("web1", mac: "52:54:00:00:00:01"), requestId: "a1"))
    let options = CallOptions(metadata: ["as": "ops2"])
    let other = try await lab.nodes.createNode(
      .init(node: .sample("web2", mac: "52:54:00:00:00:02"), requestId: "a1"), options: options)
    #expect(other.node?.name == "web2")
  }

  @Test func aStaleRevisionNamesWhoChangedItAndWhen() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("r1n42", mac: "52:54:00:00:00:2a"))
    let options = CallOptions(metadata: ["as": "ops2"])
    _ = try await lab.nodes.updateNode(
      .init(node: .init(name: "r1n42", location: "h1"), updateMask: .init(paths: ["location"])), options: options)
    lab.advance(seconds: 120)
    let refused = await lab.refusal {
      try await lab.nodes.updateNode(
        .init(node: .init(name: "r1n42", location: "h2"), updateMask: .init(paths: ["location"]), ifRevision: 1))
    }
    #expect(refused?.code == .aborted)
    #expect(
      refused?.message
        == "node r1n42 changed since you read it (revision 1, now 2, by ops2 2m ago). "
        + "Read it again: 'muster node show r1n42'.")
  }

  @Test func anAcceptedNodeIsReadyWithANameAndAnAddress() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.enlist("new-525400aabb01", mac: "52:54:00:aa:bb:01")
    let response = try await lab.nodes.acceptNode(.init(name: "new-525400aabb01", newName: "web9"))
    #expect(response.node?.state == .ready)
    #expect(response.node?.name == "web9")
    #expect(response.node?.interfaces.first?.address == "10.1.0.2")
    #expect(response.node?.bootProfile == "local")
    let events = try await lab.events.listEvents(.init(node: "web9"))
    #expect(events.events.map(\.kind) == ["NODE_ACCEPTED"])
  }

  @Test func onlyAViewerIsNotAllowedToWrite() async throws {
    #expect(MethodAccess(MusterV1.NodeServiceMethods.createNode).refusal(for: .operators(name: "v", role: .viewer)) != nil)
    #expect(MethodAccess(MusterV1.NodeServiceMethods.explainNode).refusal(for: .operators(name: "v", role: .viewer)) == nil)
    #expect(MethodAccess(MusterV1.NodeServiceMethods.importNodes).refusal(for: .operators(name: "v", role: .viewer)) != nil)
  }

  @Test func everyChangeSaysWhoMadeIt() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01"))
    _ = try await lab.nodes.updateNode(
      .init(node: .init(name: "web1", tags: ["gpu"]), updateMask: .init(paths: ["tags"])))
    _ = try await lab.nodes.deleteNode(.init(name: "web1"))
    let events = try await lab.events.listEvents(.init(node: "web1")).events
    #expect(events.map(\.actor) == ["ops1", "ops1", "ops1"])
    #expect(events.map(\.message) == ["node web1 added", "node web1 updated: tags - -> gpu", "node web1 removed"])
  }

  // MARK: Lists

  @Test func aListIsInNaturalOrderAndPagesThroughEverything() async throws {
    let lab = try await OperatorLab().addHalls()
    for index in [10, 2, 1, 33, 4] {
      try await lab.add(node: .sample("n\(index)", mac: "52:54:00:00:00:\(index + 10)"))
    }
    var names: [String] = []
    var token = ""
    repeat {
      let page = try await lab.nodes.listNodes(.init(pageSize: 2, pageToken: token))
      names += page.nodes.map(\.name)
      token = page.nextPageToken
      #expect(page.totalSize == 5)
    } while !token.isEmpty
    #expect(names == ["n1", "n2", "n4", "n10", "n33"])
  }

  @Test func aPageTokenOfAnotherQueryIsRefused() async throws {
    let lab = try await OperatorLab().addHalls()
    for index in 1...3 { try await lab.add(node: .sample("n\(index)", mac: "52:54:00:00:00:0\(index)")) }
    let token = try await lab.nodes.listNodes(.init(pageSize: 1)).nextPageToken
    let refused = await lab.refusal {
      try await lab.nodes.listNodes(.init(pageSize: 1, pageToken: token, subnet: "hall1"))
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.fields == ["page_token"])
    let garbage = await lab.refusal { try await lab.nodes.listNodes(.init(pageToken: "abc")) }
    #expect(garbage?.fields == ["page_token"])
  }

  @Test func filtersNarrowTheList() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("a1", mac: "52:54:00:00:00:01"))
    try await lab.add(node: .sample("b1", mac: "52:54:00:00:00:02", subnet: "stor1"))
    var tagged = MusterV1.Node.sample("c1", mac: "52:54:00:00:00:03")
    tagged.tags = ["gpu"]
    try await lab.add(node: tagged)
    try await lab.enlist("new1", mac: "52:54:00:00:00:04")
    func list(_ request: MusterV1.ListNodesRequest) async throws -> [String] {
      try await lab.nodes.listNodes(request).nodes.map(\.name)
    }
    #expect(try await list(.init(subnet: "stor1")) == ["b1"])
    #expect(try await list(.init(tag: "gpu")) == ["c1"])
    #expect(try await list(.init(state: .new)) == ["new1"])
    #expect(try await list(.init(subnet: "hall1", state: .ready)) == ["a1", "c1"])
  }

  @Test func aFilterForWhatDoesNotExistIsNoEmptyList() async throws {
    let lab = try await OperatorLab().addHalls()
    let refused = await lab.refusal { try await lab.nodes.listNodes(.init(subnet: "hal1")) }
    #expect(refused?.code == .notFound)
    #expect(refused?.message == "subnet hal1 does not exist. Perhaps you mean hall1.")
  }

  @Test func anExportIsWhatAnImportReads() async throws {
    let lab = try await OperatorLab().addHalls()
    for index in 1...3 { try await lab.add(node: .sample("n\(index)", mac: "52:54:00:00:00:0\(index)")) }
    let exported = try await lab.nodes.exportNodes(.init()) { responses in
      var nodes: [MusterV1.Node] = []
      for try await node in responses { nodes.append(node) }
      return nodes
    }
    #expect(exported.map(\.name) == ["n1", "n2", "n3"])
    let report = try await lab.importNodes(exported)
    #expect(report.summary?.unchanged == 3)
    #expect(report.summary?.generations.isEmpty == true)
  }
}

extension OperatorLab {
  /// A machine that enlisted by itself.
  func enlist(_ name: String, mac: String) async throws {
    let spec = NodeSpec(
      name: try NodeName(name),
      interfaces: [.init(name: "eth0", mac: try MACAddress(mac), subnet: "hall1", address: .dynamic, boot: true)],
      bootProfile: .enlist)
    _ = try await context.store.write { try $0.write(.create(spec, state: .new), by: .region) }
  }
}
