import Provisioning
import Testing

@testable import Store

/// Damaged rows are reported; they never stop the region.
@Suite struct DocumentTests {
  private let documents: [[UInt8]] = {
    let time = Timestamp(seconds: 5)
    var node = spec("web1", mac(1), "hall1", .fixed("10.1.0.2"), tags: ["gpu"])
    node.serial = "7XK2"
    node.bmc = BMC(address: "10.9.0.1", mac: mac(2))
    let subnet = Subnet(
      id: SubnetID(bits: 1), dhcpID: .first, spec: hall1, revision: Revision(1), created: time, updated: time,
      updatedBy: ops)
    var agent = Agent(id: AgentID(bits: 1), name: "rack1", allowedSubnets: ["hall1"], created: time)
    agent.links = [AgentLink(interface: "eth0", fabric: "default", addresses: ["10.1.0.5"])]
    let image = BootImage(kernel: "a/b", initrds: ["c"], arguments: "quiet")
    let profile = BootProfile(
      id: ProfileID(bits: 1), spec: BootProfileSpec(name: "rescue", kind: .kernel(image)), revision: Revision(1),
      feedRevision: Revision(1), updated: time, updatedBy: ops)
    return [
      NodeDocument.encode(
        Node(
          id: NodeID(bits: 1), spec: node, state: .ready, revision: Revision(1), created: time, updated: time,
          updatedBy: ops)),
      SubnetDocument.encode(subnet), AgentDocument.encode(agent), ProfileDocument.encode(profile),
      EventDocument.encode(Event(.nodeAdded, actor: ops, node: "web1", mac: mac(1), message: "hello")),
      SubnetDocument.encode([RetiredRange(range: "10.0.0.1-10.0.0.9", generation: Generation(3))]),
    ]
  }()

  private func decode(_ kind: Int, _ bytes: [UInt8]) throws {
    switch kind {
    case 0: _ = try NodeDocument.decode(bytes, id: NodeID(bits: 1))
    case 1: _ = try SubnetDocument.decode(bytes, dhcpID: .first)
    case 2: _ = try AgentDocument.decode(bytes)
    case 3: _ = try ProfileDocument.decode(bytes)
    case 4: _ = try EventDocument.decode(bytes, id: 1, time: Timestamp(seconds: 0))
    default: _ = try SubnetDocument.decodeRetired(bytes)
    }
  }

  @Test func aDamagedDocumentIsUnreadableAndNothingWorse() throws {
    var random = SplitMix64(seed: 7)
    for (kind, document) in documents.enumerated() {
      try decode(kind, document)
      for length in 0..<document.count where length > 0 || kind != 5 {
        #expect(throws: StoreError.self) { try decode(kind, Array(document.prefix(length))) }
      }
      for _ in 0..<500 {
        var damaged = document
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
        }
        do { try decode(kind, damaged) } catch { #expect(error is StoreError) }
      }
    }
  }
}
