import Provisioning
import RPC
import Testing
import Wire

@testable import Region

@Suite struct BatchTests {
  private func lab() async throws -> OperatorLab {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a", address: "10.1.0.10"))
    try await lab.add(node: .sample("b", mac: "52:54:00:00:00:0b", address: "10.1.0.11"))
    return lab
  }

  private func update(_ node: MusterV1.Node, _ paths: [String] = ["interfaces"]) -> MusterV1.NodeWrite {
    .init(write: .update(.init(node: node, updateMask: .init(paths: paths))))
  }

  @Test func twoNodesSwapTheirAddressesInOneBatch() async throws {
    let lab = try await lab()
    let response = try await lab.nodes.batchWriteNodes(
      .init(writes: [
        update(.sample("a", mac: "52:54:00:00:00:0a", address: "10.1.0.11")),
        update(.sample("b", mac: "52:54:00:00:00:0b", address: "10.1.0.10")),
      ]))
    #expect(response.outcomes == [.updated, .updated])
    #expect(response.generations.map(\.generation) == [4])
    #expect(try await lab.node("a").interfaces.first?.address == "10.1.0.11")
    #expect(try await lab.node("b").interfaces.first?.address == "10.1.0.10")
  }

  @Test func oneBadWriteLetsNothingHappen() async throws {
    let lab = try await lab()
    let refused = await lab.refusal {
      try await lab.nodes.batchWriteNodes(
        .init(writes: [
          .init(write: .create(.sample("c", mac: "52:54:00:00:00:0c"))),
          .init(write: .create(.sample("d", mac: "52:54:00:00:00:0a"))),
          .init(write: .delete("a")),
          .init(write: .create(.sample("e", mac: "52:54:00:00:00:0b", address: "10.1.3.5"))),
        ]))
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.fields == ["writes[3].interfaces[0].mac", "writes[3].interfaces[0].address"])
    #expect(try await lab.nodes.listNodes(.init()).nodes.map(\.name) == ["a", "b"])
  }

  @Test func problemsNameTheirWrite() async throws {
    let lab = try await lab()
    let refused = await lab.refusal {
      try await lab.nodes.batchWriteNodes(
        .init(writes: [
          .init(write: .create(.sample("c!", mac: "52:54:00:00:00:0c"))), .init(write: .delete("")), .init(),
        ]))
    }
    #expect(refused?.fields == ["writes[0].name", "writes[1].delete", "writes[2].write"])
  }

  @Test func aBatchIsAnsweredOnceForEachWrite() async throws {
    let lab = try await lab()
    let response = try await lab.nodes.batchWriteNodes(
      .init(writes: [
        update(.init(name: "a", tags: []), ["tags"]),
        update(.init(name: "b", tags: ["gpu"]), ["tags"]),
        .init(write: .create(.sample("c", mac: "52:54:00:00:00:0c", subnet: "stor1"))),
      ]))
    #expect(response.outcomes == [.unchanged, .updated, .added])
    // Tags are no part of a binding, so only the new node's subnet has something to serve.
    #expect(response.generations.map(\.subnet) == ["stor1"])
  }

  @Test func autoAddressesOfABatchAvoidItsFixedOnes() async throws {
    let lab = try await lab()
    _ = try await lab.nodes.batchWriteNodes(
      .init(writes: [
        .init(write: .create(.sample("c", mac: "52:54:00:00:00:0c", address: "auto"))),
        .init(write: .create(.sample("d", mac: "52:54:00:00:00:0d", address: "10.1.0.2"))),
      ]))
    #expect(try await lab.node("c").interfaces.first?.address == "10.1.0.3")
  }

  @Test func tooManyWritesAreRefusedAsAWhole() async throws {
    let lab = try await lab()
    let writes = Array(repeating: MusterV1.NodeWrite(write: .delete("a")), count: 10_001)
    #expect(await lab.refusal { try await lab.nodes.batchWriteNodes(.init(writes: writes)) }?.reason == "TOO_MANY_WRITES")
    #expect(await lab.refusal { try await lab.nodes.batchWriteNodes(.init()) }?.fields == ["writes"])
  }

  @Test func ofTwoWritersOfOneRevisionOneWins() async throws {
    let lab = try OperatorLab(isInline: false)
    try await lab.addHalls()
    try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a"))
    let outcomes = await withTaskGroup(of: StatusCode.self) { group in
      for index in 0..<20 {
        group.addTask {
          await lab.refusal {
            try await lab.nodes.updateNode(
              .init(
                node: .init(name: "a", location: "place \(index)"), updateMask: .init(paths: ["location"]), ifRevision: 1))
          }?.code ?? .ok
        }
      }
      var codes: [StatusCode] = []
      for await code in group { codes.append(code) }
      return codes
    }
    #expect(outcomes.count { $0 == .ok } == 1)
    #expect(outcomes.count { $0 == .aborted } == 19)
    #expect(try await lab.node("a").revision == 2)
  }

  @Test func racingWritersNeverShareAnAddress() async throws {
    let lab = try OperatorLab(isInline: false)
    try await lab.addHalls()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<60 {
        group.addTask {
          _ = await lab.refusal {
            try await lab.add(
              node: .sample("n\(index)", mac: "52:54:00:00:01:\(index / 2 + 10)", address: index % 3 == 0 ? "10.1.0.77" : "auto"))
          }
        }
      }
    }
    let nodes = try await lab.nodes.listNodes(.init(pageSize: 1_000)).nodes
    let addresses = nodes.compactMap(\.interfaces.first?.address)
    let macs = nodes.compactMap(\.interfaces.first?.mac)
    #expect(Set(addresses).count == addresses.count)
    #expect(Set(macs).count == macs.count)
    #expect(!nodes.isEmpty)
  }
}
