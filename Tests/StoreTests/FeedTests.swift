import Provisioning
import Testing

@testable import Store

/// What an agent holds of one subnet.
private struct Mirror {
  var header: SubnetHeader?
  var rows: [MACAddress: Binding] = [:]
  var generation = Generation.zero
  /// While a feed is being read.
  var position: FeedPosition?
  var staged: [MACAddress: Binding] = [:]
  var stagedHeader: SubnetHeader?

  /// Takes one page; when it was the last, what was staged holds.
  mutating func take(_ page: FeedPage) throws {
    for row in page.rows { staged[row.mac] = row.binding }
    if let header = page.header { stagedHeader = header }
    position = page.next
    guard page.next == nil else { return }
    (rows, header, generation) = (staged, stagedHeader, page.head)
    let digest = SubnetDigest(header: try #require(header), bindings: rows.values)
    #expect(digest == page.digest, "after generation \(page.head)")
  }

  mutating func begin(isSnapshot: Bool) {
    position = isSnapshot ? .snapshot : .delta(after: generation)
    staged = isSnapshot ? [:] : rows
    stagedHeader = isSnapshot ? nil : header
  }
}

@Suite struct FeedTests {
  /// Random edits, and mirrors that read deltas in small pages while the edits go on.
  @Test(arguments: Engine.allCases, 1...2 as ClosedRange<UInt64>)
  func everyMirrorEndsWithTheRowsOfItsHead(engine: Engine, seed: UInt64) async throws {
    let store = try engine.open()
    try await store.furnish()
    var random = SplitMix64(seed: seed)
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    var mirrors = [Mirror](repeating: Mirror(), count: 4)
    for step in 0..<80 {
      try await edit(store, &random)
      for index in mirrors.indices where Int.random(in: 0...2, using: &random) == 0 {
        try await advance(&mirrors[index], store, dhcpID, limit: Int.random(in: 1...7, using: &random))
      }
      if step % 10 == 9, let least = mirrors.map(\.generation).min() {
        // The owner acknowledges what the slowest mirror has, so that tombstones are collected.
        let row = try await store.row("hall1")
        let generation = max(least, row.progress.applied)
        _ = try await store.write { tx in
          try tx.recordApplied(
            AppliedReport(
              agent: "rack1", session: session, subnet: dhcpID, epoch: epoch, generation: generation,
              digest: generation == row.progress.head ? row.progress.digest : .zero, leasesLeft: []))
        }
      }
      if step % 4 == 3 { try await verify(store, ["hall1", "hall2"]) }
    }
    for index in mirrors.indices {
      repeat { try await advance(&mirrors[index], store, dhcpID, limit: 5) } while mirrors[index].position != nil
      // Whatever was under way is done; once more for the rest.
      repeat { try await advance(&mirrors[index], store, dhcpID, limit: 5) } while mirrors[index].position != nil
      #expect(mirrors[index].rows == mirrors[0].rows)
    }
    try await store.checkIntegrity()
  }

  private func advance(_ mirror: inout Mirror, _ store: any RegionStore, _ dhcpID: DHCPSubnetID, limit: Int)
    async throws
  {
    if mirror.position == nil { mirror.begin(isSnapshot: mirror.generation == .zero) }
    let position = try #require(mirror.position)
    if let page = try await store.read({ try $0.feed(dhcpID, from: position, limit: limit) }) {
      try mirror.take(page)
    } else {
      #expect(!position.isSnapshot, "a snapshot is always possible")
      mirror.begin(isSnapshot: true)
    }
  }

  /// One random transaction; refusals are part of life.
  private func edit(_ store: any RegionStore, _ random: inout SplitMix64) async throws {
    var writes: [(name: NodeName, kind: Int, spec: NodeSpec)] = []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let name = try NodeName("n\(Int.random(in: 1...25, using: &random))")
      var node = spec(
        name, mac(.random(in: 1...30, using: &random)), Bool.random(using: &random) ? "hall1" : "hall2",
        [.auto, .dynamic, .fixed(IPv4Address(bits: 0x0a01_0000 + .random(in: 0...40, using: &random)))]
          .randomElement(using: &random) ?? .auto)
      if Bool.random(using: &random) { node.bootOnce = "enlist" }
      writes.append((name, Int.random(in: 0...3, using: &random), node))
    }
    let flip = Int.random(in: 0...9, using: &random) == 0
    let mode: BatchMode = Bool.random(using: &random) ? .goodOnes : .allOrNone
    do {
      try await store.write { [writes] tx in
        let batch = try writes.compactMap { entry -> NodeWrite? in
          guard let node = try tx.node(named: entry.name) else { return .create(entry.spec) }
          return entry.kind == 0 ? .remove(node.id) : .replace(node.id, with: entry.spec)
        }
        _ = try tx.write(batch, by: ops, mode: mode)
        if flip {
          var spec = hall1
          spec.isDHCPOn = try tx.subnet(named: "hall1")?.subnet.spec.isDHCPOn == false
          _ = try tx.replaceSubnet("hall1", with: spec, by: ops)
        }
      }
    } catch is BatchRefused {
    } catch is Refusal {
    }
  }

  /// The counts, digests and indexes are what the nodes say.
  private func verify(_ store: any RegionStore, _ subnets: [SubnetName]) async throws {
    try await store.read { view in
      let nodes = try view.nodes(limit: 1000).items
      #expect(try view.nodeCounts().values.reduce(0, +) == nodes.count)
      var dhcpIDs: [SubnetName: DHCPSubnetID] = [:]
      for name in subnets { dhcpIDs[name] = try view.subnet(named: name)?.subnet.dhcpID }
      let bindings = nodes.flatMap { $0.bindings(in: dhcpIDs) }
      #expect(Set(bindings.compactMap(\.place)).count == bindings.compactMap(\.place).count)
      #expect(Set(nodes.flatMap(\.interfaces).map(\.mac)).count == nodes.flatMap(\.interfaces).count)
      for name in subnets {
        let row = try #require(try view.subnet(named: name))
        let own = bindings.filter { $0.subnet == row.subnet.dhcpID }
        #expect(row.progress.bindings == own.count)
        #expect(row.progress.reservations == own.count { $0.address != nil })
        #expect(row.progress.digest == SubnetDigest(header: row.subnet.header, bindings: own))
        for binding in own {
          #expect(try view.feedRow(binding.key)?.binding == binding)
          if let place = binding.place { #expect(try view.hold(place) == nil) }
        }
      }
    }
  }
}
