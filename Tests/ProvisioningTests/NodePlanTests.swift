import Testing

@testable import Provisioning

/// The rules of a batch, against a plain model: nodes by name in one subnet.
@Suite struct NodePlanTests {
  private let now = Timestamp(seconds: 1000)
  private let facts: SubnetFacts = SubnetFacts(
    Subnet(
      id: SubnetID(bits: 1), dhcpID: .first,
      spec: SubnetSpec(name: "s", prefix: "10.0.0.0/24", gateway: "10.0.0.1", pool: ["10.0.0.200-10.0.0.250"]),
      revision: Revision(1), created: Timestamp(seconds: 0), updated: Timestamp(seconds: 0), updatedBy: .local))

  private func node(_ id: UInt128, _ name: NodeName, _ mac: UInt64, _ address: UInt32?) -> Node {
    let interface: NetworkInterface
    do {
      interface = NetworkInterface(
        name: "eth0", mac: try MACAddress(bits: 0x5254_0000_0000 + mac), subnet: "s",
        address: address.map { .fixed(IPv4Address(bits: 0x0a00_0000 + $0)) } ?? .dynamic, boot: true)
    } catch { preconditionFailure("\(error)") }
    return Node(
      id: NodeID(bits: id), spec: NodeSpec(name: name, interfaces: [interface]), state: .ready, revision: Revision(1),
      created: now, updated: now, updatedBy: .local)
  }

  /// All of the stored nodes' holdings, as a store looks them up.
  private func occupancy(_ stored: [Node], holds: [HeldAddress] = []) -> Occupancy {
    var occupancy = Occupancy()
    occupancy.subnets = ["s": facts]
    occupancy.profiles = [.local]
    for node in stored {
      occupancy.names[node.name] = node.id
      for interface in node.interfaces {
        occupancy.macs[interface.mac, default: []].append(
          .init(node: node.id, name: node.name, interface: interface.name, fabric: .default))
        if let address = interface.address.fixed {
          occupancy.addresses[SubnetAddress(subnet: .first, address: address)] = .init(node: node.id, name: node.name)
        }
      }
    }
    for hold in holds { occupancy.holds[hold.place] = hold }
    return occupancy
  }

  private func plan(
    _ changes: [NodeChange], _ stored: [Node], holds: [HeldAddress] = [], mode: BatchMode = .allOrNone
  ) -> NodePlan {
    NodePlan.make(changes, occupancy(stored, holds: holds), mode: mode, at: now)
  }

  @Test func aSwapNeedsNoHold() {
    let (a, b) = (node(1, "a", 1, 10), node(2, "b", 2, 11))
    let plan = plan(
      [NodeChange(before: a, after: node(1, "a", 1, 11)), NodeChange(before: b, after: node(2, "b", 2, 10))], [a, b])
    #expect(plan.refusals.isEmpty)
    #expect(plan.upserts.map(\.address) == ["10.0.0.11", "10.0.0.10"])
    #expect(plan.tombstones.isEmpty && plan.holds.isEmpty)
  }

  @Test func aMACThatMovesIsOneRow() {
    let (a, b) = (node(1, "a", 1, 10), node(2, "b", 2, 11))
    let plan = plan(
      [NodeChange(before: a, after: nil), NodeChange(before: b, after: node(2, "b", 1, 11))], [a, b])
    #expect(plan.upserts.map(\.mac.bits) == [0x5254_0000_0001])
    #expect(plan.tombstones.map(\.mac.bits) == [0x5254_0000_0002])
    #expect(plan.holds.map(\.place.address) == ["10.0.0.10"])
    #expect(plan.subnets == [.first])
  }

  @Test func aRemovedNodeLeavesATombstoneAndAHold() {
    let a = node(1, "a", 1, 10)
    let plan = plan([NodeChange(before: a, after: nil)], [a])
    #expect(plan.tombstones == [BindingKey(subnet: .first, mac: a.interfaces[0].mac)])
    #expect(
      plan.holds == [AddressLoss(place: SubnetAddress(subnet: .first, address: "10.0.0.10"), mac: a.interfaces[0].mac)])
  }

  @Test func whoComesLaterInTheBatchIsRefused() {
    let plan = plan(
      [NodeChange(before: nil, after: node(1, "a", 1, 10)), NodeChange(before: nil, after: node(2, "b", 1, 10))], [])
    guard case .invalid(let problems) = plan.refusals[1] else { return #expect(Bool(false), "\(plan.refusals)") }
    #expect(problems.map(\.code) == [.macTaken, .addressTaken])
    #expect(problems[0].message == "is also on node a (eth0) in this request")
    #expect(plan.refusals[0] == nil)
  }

  @Test func aHeldAddressIsRefusedUnlessItIsReleasedOrForced() {
    let place = SubnetAddress(subnet: .first, address: "10.0.0.10")
    var hold = HeldAddress(place: place, mac: "52:54:00:00:00:09", generation: Generation(1), since: now)
    func isRefused(_ mac: UInt64, force: Bool = false) -> Bool {
      let change = NodeChange(before: nil, after: node(1, "a", mac, 10), force: force)
      return !plan([change], [], holds: [hold]).refusals.isEmpty
    }
    #expect(isRefused(1) && !isRefused(9) && !isRefused(1, force: true))
    hold.acknowledge(applied: .zero, lease: .none)
    #expect(isRefused(1))
    hold.acknowledge(applied: Generation(1), lease: .until(now.advanced(bySeconds: 1)))
    #expect(isRefused(1))
    hold.acknowledge(applied: Generation(1), lease: .until(now))
    #expect(!isRefused(1))
  }

  @Test func aChainThatLosesItsEndFallsBackWhole() {
    // Each node takes the next one's address; the last wants the gateway's.
    let nodes = (0..<50).map { (index: Int) -> Node in
      node(UInt128(index + 1), NodeName(stringLiteral: "n\(index)"), UInt64(index + 1), UInt32(index + 10))
    }
    let changes = nodes.indices.map { (index: Int) -> NodeChange in
      let address: UInt32 = index == 49 ? 1 : UInt32(index + 11)
      return NodeChange(
        before: nodes[index], after: node(nodes[index].id.bits, nodes[index].name, UInt64(index + 1), address))
    }
    let plan = plan(changes, nodes, mode: .goodOnes)
    #expect(plan.refusals.count == 50)
    #expect(plan.upserts.isEmpty && plan.holds.isEmpty)
  }

  /// Whatever the batch, the nodes that result do not clash, and those refused could not all stand.
  @Test(arguments: 1...60 as ClosedRange<UInt64>) func theFinalStateNeverClashes(seed: UInt64) {
    var random = Seeded(state: seed)
    var stored: [Node] = []
    for number in 1...12 where Bool.random(using: &random) {
      stored.append(node(UInt128(number), NodeName(stringLiteral: "n\(number)"), UInt64(number), UInt32(number + 10)))
    }
    var changes: [NodeChange] = []
    for number in 1...12 where Int.random(in: 0...2, using: &random) > 0 {
      let before = stored.first { $0.id.bits == UInt128(number) }
      let isRemoved = before != nil && Int.random(in: 0...3, using: &random) == 0
      let after = node(
        UInt128(number), NodeName(stringLiteral: "n\(Int.random(in: 1...14, using: &random))"),
        .random(in: 1...14, using: &random), Bool.random(using: &random) ? .random(in: 9...24, using: &random) : nil)
      changes.append(NodeChange(before: before, after: isRemoved ? nil : after))
    }
    let plan = plan(changes, stored, mode: .goodOnes)
    var final = Dictionary(uniqueKeysWithValues: stored.map { ($0.id, $0) })
    for (index, change) in changes.enumerated() where plan.refusals[index] == nil { final[change.id] = change.after }
    #expect(Set(final.values.map(\.name)).count == final.count)
    #expect(Set(final.values.map(\.interfaces[0].mac)).count == final.count)
    let addresses = final.values.compactMap(\.interfaces[0].address.fixed)
    #expect(Set(addresses).count == addresses.count)
    // The rows say what the nodes say.
    var rows = Dictionary(uniqueKeysWithValues: stored.flatMap { $0.bindings(in: ["s": .first]) }.map { ($0.key, $0) })
    for key in plan.tombstones { rows[key] = nil }
    for binding in plan.upserts { rows[binding.key] = binding }
    #expect(
      rows
        == Dictionary(
          uniqueKeysWithValues: final.values.flatMap { $0.bindings(in: ["s": .first]) }.map { ($0.key, $0) }))
    // Every address that went is held, and none that is in use.
    let gone = Set(stored.compactMap(\.interfaces[0].address.fixed)).subtracting(addresses)
    #expect(Set(plan.holds.map(\.place.address)) == gone)
    // All or none agrees on whether the batch stands.
    #expect(self.plan(changes, stored).refusals.isEmpty == plan.refusals.isEmpty)
  }
}
