import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// Random batches and imports, valid and not, against what must hold whatever they say.
@Suite struct NodePropertyTests {
  /// Few names, MACs and addresses, so that writes get in each other's way all the time.
  private struct World {
    var random: SeededRandom

    mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    mutating func node(_ name: String? = nil) -> MusterV1.Node {
      let subnet = pick(4) == 0 ? "stor1" : "hall1"
      let base = subnet == "hall1" ? "10.1.0" : "10.2.0"
      let addresses = ["auto", "dynamic", "", "\(base).\(pick(9) + 2)", "\(base).\(pick(9) + 2)", "10.1.3.5", "10.1.0.300"]
      var node = MusterV1.Node.sample(
        name ?? "n\(pick(8))", mac: "52:54:00:00:00:0\(pick(9))", subnet: subnet,
        address: addresses[pick(20) == 0 ? 5 + pick(2) : pick(5)])
      if pick(4) == 0 {
        node.interfaces.append(
          .init(name: "eth1", mac: "52:54:00:00:01:0\(pick(4))", subnet: "stor1", address: "10.2.0.\(pick(5) + 20)"))
      }
      if pick(3) == 0 { node.tags = ["t\(pick(3))"] }
      if pick(40) == 0 { node.bootProfile = "nowhere" }
      return node
    }

    mutating func write(_ names: [String]) -> MusterV1.NodeWrite {
      if names.isEmpty { return .init(write: .create(.sample("n\(pick(8))", mac: "52:54:00:00:00:0\(pick(9))"))) }
      let name = names[pick(names.count)]
      switch pick(5) {
      case 0, 1: return .init(write: .create(node()))
      case 2, 3:
        return .init(write: .update(.init(node: node(name), updateMask: .init(paths: ["interfaces", "tags"]))))
      default: return .init(write: .delete(name))
      }
    }
  }

  private func all(_ lab: OperatorLab) async throws -> [MusterV1.Node] {
    try await lab.nodes.listNodes(.init(pageSize: 1_000)).nodes
  }

  /// No name, MAC or address is anybody else's, and the feeds say what the nodes say.
  private func expectConsistent(_ lab: OperatorLab, _ comment: Comment) async throws {
    let nodes = try await all(lab)
    let interfaces = nodes.flatMap(\.interfaces)
    let macs = interfaces.map(\.mac)
    let places = interfaces.filter { $0.address.first?.isNumber == true }.map { "\($0.subnet) \($0.address)" }
    #expect(Set(macs).count == macs.count, comment)
    #expect(Set(places).count == places.count, comment)
    let rows = try await lab.context.store.read { snapshot in
      try snapshot.subnets(limit: 10).items.flatMap { row in
        try snapshot.feed(row.subnet.dhcpID, from: .snapshot, limit: 1_000)?.rows.compactMap(\.binding).map {
          "\(row.subnet.name) \($0.mac) \($0.address?.description ?? "dynamic") \($0.hostname)"
        } ?? []
      }
    }
    let wanted = nodes.flatMap { node in
      node.interfaces.filter { !$0.subnet.isEmpty }.map { "\($0.subnet) \($0.mac) \($0.address) \(node.name)" }
    }
    #expect(rows.sorted() == wanted.sorted(), comment)
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func randomBatchesKeepEverythingUnique(seed: UInt64) async throws {
    let lab = try await OperatorLab().addHalls()
    var world = World(random: SeededRandom(seed: seed))
    var applied = 0
    for round in 0..<16 {
      let before = try await all(lab)
      let names = before.map(\.name)
      var writes: [MusterV1.NodeWrite] = []
      for _ in 0...world.pick(3) { writes.append(world.write(names)) }
      let request = MusterV1.BatchWriteNodesRequest(writes: writes)
      var dry = request
      dry.validateOnly = true
      let rehearsed = await lab.refusal { try await lab.nodes.batchWriteNodes(dry) }
      #expect(try await all(lab) == before, "seed \(seed) round \(round): a dry run changed something")
      let refused = await lab.refusal { try await lab.nodes.batchWriteNodes(request) }
      #expect(refused?.description == rehearsed?.description, "seed \(seed) round \(round)")
      if refused == nil { applied += 1 } else { #expect(try await all(lab) == before, "seed \(seed) round \(round)") }
      try await expectConsistent(lab, "seed \(seed) round \(round)")
    }
    #expect(applied > 0, "a test in which everything is refused says nothing")
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func whatADryRunSaysIsWhatTheImportDoes(seed: UInt64) async throws {
    let lab = try await OperatorLab().addHalls()
    var world = World(random: SeededRandom(seed: seed &+ 1_000))
    for round in 0..<9 {
      var rows: [MusterV1.Node] = []
      for _ in 0..<(2 + world.pick(6)) { rows.append(world.node()) }
      let options = MusterV1.ImportOptions(keepGoing: world.pick(2) == 0, removeAbsent: world.pick(5) == 0)
      var dryOptions = options
      dryOptions.validateOnly = true
      let before = try await all(lab)
      let dry = try await lab.importNodes(rows, options: dryOptions)
      #expect(try await all(lab) == before, "seed \(seed) round \(round)")
      let wet = try await lab.importNodes(rows, options: options)
      let comment: Comment = "seed \(seed) round \(round)"
      #expect(wet.problems == dry.problems, comment)
      if wet.summary?.applied == true {
        #expect(wet.changes == dry.changes, comment)
        #expect(wet.summary?.added == dry.summary?.added, comment)
        #expect(wet.summary?.updated == dry.summary?.updated, comment)
        #expect(wet.summary?.unchanged == dry.summary?.unchanged, comment)
        #expect(wet.summary?.removed == dry.summary?.removed, comment)
      } else {
        #expect(try await all(lab) == before, comment)
      }
      try await expectConsistent(lab, comment)
      if wet.summary?.applied == true, wet.problems.isEmpty {
        #expect(try await lab.importNodes(rows, options: options).changes.isEmpty, "the same again changes nothing")
      }
    }
  }
}

/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
