import Provisioning
import Testing

@testable import Store

/// One DHCP server as an agent runs it: the rows it applied, and the leases it gave out.
private struct Server {
  let agent: AgentName
  var session = SessionEpoch.zero
  var epoch = Epoch.zero
  var header: SubnetHeader?
  var rows: [MACAddress: Binding] = [:]
  var generation = Generation.zero
  var digest = SubnetDigest.zero
  var leases: [IPv4Address: Lease] = [:]
  var isReachable = true
  /// Not yet told to the region.
  var observations: [ObservedLease] = []
  var left: [LeaseLeft] = []

  struct Lease: Equatable {
    var mac: MACAddress
    var until: Timestamp
  }

  /// What Kea would answer; `nil` is silence.
  mutating func answer(_ mac: MACAddress, at now: Timestamp) -> (IPv4Address, Timestamp)? {
    guard let header else { return nil }
    leases = leases.filter { $0.value.until > now }
    let until = now.advanced(bySeconds: Int64(header.leaseSeconds))
    var address = rows[mac]?.address
    if address == nil {
      let reserved = Set(rows.values.compactMap(\.address))
      let pool = header.pool.ranges.flatMap { ($0.first.bits...$0.last.bits).map(IPv4Address.init(bits:)) }
      address =
        pool.first { leases[$0]?.mac == mac } ?? pool.first { leases[$0] == nil && !reserved.contains($0) }
    }
    guard let address, leases[address].map({ $0.mac == mac }) ?? true else { return nil }
    leases[address] = Lease(mac: mac, until: until)
    observations.append(ObservedLease(subnet: header.dhcpID, mac: mac, address: address, until: until))
    return (address, until)
  }

  /// Applies a whole feed. Leases that stand in the way of a new owner are deleted before the reload;
  /// the others that outlive their binding are left and reported.
  mutating func apply(_ page: FeedPage, isSnapshot: Bool, at now: Timestamp) {
    var new = isSnapshot ? [:] : rows
    for row in page.rows { new[row.mac] = row.binding }
    for binding in new.values {
      if let address = binding.address, leases[address]?.mac != binding.mac { leases[address] = nil }
    }
    for (mac, old) in rows {
      guard let address = old.address, new[mac]?.address != address, let lease = leases[address],
        lease.mac == mac, lease.until > now
      else { continue }
      left.append(LeaseLeft(address: address, mac: mac, until: lease.until))
    }
    (rows, generation, digest, epoch) = (new, page.head, page.digest, page.epoch)
    header = page.header ?? header
  }
}

/// A region, two servers that are at times unreachable, machines that ask for addresses, and an
/// operator who edits without pause: no server ever gives an address to a machine while another has
/// a lease of it.
@Suite struct AddressSafetyTests {
  private struct Machine {
    var address: IPv4Address
    var until: Timestamp
  }

  private struct Model {
    var servers = [Server(agent: "rack1"), Server(agent: "rack2")]
    var machines: [MACAddress: Machine] = [:]
    /// Addresses that one transaction passed from machine to machine. The server takes the old lease
    /// back before it serves the new row; the old machine learns it at its next renewal.
    /// With the generation that did it.
    var passedOn: [MACAddress: [IPv4Address: Generation]] = [:]
    var grants = 0
    var holdsSeen = 0
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func noAddressIsGivenToTwoMachines(seed: UInt64) async throws {
    let world = World(seed: seed)
    let store = try Engine.sqliteInMemory.open(world)
    var random = SplitMix64(seed: seed)
    var model = Model()
    var subnet = SubnetSpec(
      name: "hall1", prefix: "10.1.0.0/27", gateway: "10.1.0.1", pool: ["10.1.0.20-10.1.0.23"], leaseSeconds: 600)
    try await store.write { [subnet] tx in _ = try tx.createSubnet(subnet, by: ops) }
    for index in model.servers.indices { try await enroll(&model.servers[index], store) }
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    _ = try await store.write { try $0.assign(dhcpID, to: "rack1") }
    for _ in 0..<600 {
      switch Int.random(in: 0...11, using: &random) {
      case 0...2: try await edit(&model, store, &random)
      case 3:
        subnet.pool =
          [
            ["10.1.0.20-10.1.0.23"], ["10.1.0.16-10.1.0.23"], ["10.1.0.22-10.1.0.23"], ["10.1.0.8-10.1.0.11"], [],
          ].randomElement(using: &random) ?? []
        do {
          try await store.write { [subnet] tx in _ = try tx.replaceSubnet("hall1", with: subnet, by: ops) }
        } catch is Refusal {}
      case 4...5: try await synchronize(&model, store, dhcpID, world, &random)
      case 6: world.advance(seconds: .random(in: 1...400, using: &random))
      case 7: model.servers[.random(in: 0...1, using: &random)].isReachable.toggle()
      case 8 where Int.random(in: 0...4, using: &random) == 0: try await handOver(&model, store, dhcpID)
      default: discover(&model, world, &random)
      }
      model.holdsSeen += try await store.read { try $0.holds(dhcpID, from: "0.0.0.0", limit: 100).count }
    }
    #expect(model.grants > 25 && model.holdsSeen > 0, "the seed does too little: \(model.grants) grants")
  }

  private func enroll(_ server: inout Server, _ store: any RegionStore) async throws {
    let agent = server.agent
    server.session = try await store.write { tx in
      if try tx.agent(named: agent) == nil {
        _ = try tx.createAgent(agent, token: [1], tokenExpires: tx.now.advanced(bySeconds: 60))
      }
      return try tx.claimSession(
        of: agent, boot: BootID(bits: 1), links: [], version: "1", protocolVersion: 1
      ).session
    }
  }

  /// A machine asks; every server that believes it owns the subnet answers.
  private func discover(_ model: inout Model, _ world: World, _ random: inout SplitMix64) {
    let mac = mac(.random(in: 1...8, using: &random))
    for index in model.servers.indices {
      guard let (address, until) = model.servers[index].answer(mac, at: world.now) else { continue }
      model.grants += 1
      for (other, machine) in model.machines where other != mac && machine.address == address {
        let isPassedOn = model.passedOn[other]?[address] != nil
        #expect(
          machine.until <= world.now || isPassedOn,
          "\(address) is \(other)'s, and \(model.servers[index].agent) gave it to \(mac)"
        )
      }
      model.machines[mac] = Machine(address: address, until: until)
      // Given anew by a server that knows of it, the address is the machine's own again.
      if let since = model.passedOn[mac]?[address], since <= model.servers[index].generation {
        model.passedOn[mac]?[address] = nil
      }
    }
  }

  /// A server that is reachable tells what it saw, reads its feed, applies and acknowledges; each of
  /// these may be the last thing it does for now.
  private func synchronize(
    _ model: inout Model, _ store: any RegionStore, _ dhcpID: DHCPSubnetID, _ world: World, _ random: inout SplitMix64
  ) async throws {
    let row = try await store.row("hall1")
    guard let index = model.servers.firstIndex(where: { $0.agent == row.progress.owner }),
      model.servers[index].isReachable
    else { return }
    var server = model.servers[index]
    var isSnapshot = server.epoch != row.progress.epoch || Int.random(in: 0...5, using: &random) == 0
    let have = server.generation
    var page: FeedPage?
    if !isSnapshot { page = try await store.read { try $0.feed(dhcpID, from: .delta(after: have), limit: 1000) } }
    if page == nil {
      isSnapshot = true
      page = try await store.read { try $0.feed(dhcpID, from: .snapshot, limit: 1000) }
    }
    if Bool.random(using: &random) {
      server.apply(try #require(page), isSnapshot: isSnapshot, at: world.now)
    }
    let observations = server.observations
    server.observations = []
    // An acknowledgement may be lost; then the next Hello tells the generation and nothing of leases.
    let isLost = Int.random(in: 0...3, using: &random) == 0
    let left: [LeaseLeft]? = isLost ? nil : server.left
    server.left = []
    let report = AppliedReport(
      agent: server.agent, session: server.session, subnet: dhcpID, epoch: server.epoch, generation: server.generation,
      digest: server.digest, leasesLeft: left)
    try await store.write { tx in
      for lease in observations { try tx.observe(lease) }
      let outcome = try tx.recordApplied(report)
      #expect(outcome != .digestMismatch && outcome != .ahead)
    }
    model.servers[index] = server
  }

  /// A drain: the owner stops, hands over its leases, and only then the epoch moves.
  private func handOver(_ model: inout Model, _ store: any RegionStore, _ dhcpID: DHCPSubnetID) async throws {
    let row = try await store.row("hall1")
    guard let from = model.servers.firstIndex(where: { $0.agent == row.progress.owner }),
      model.servers[from].isReachable
    else { return }
    let to = 1 - from
    let (old, observations) = (model.servers[from], model.servers[from].observations)
    model.servers[from].header = nil
    model.servers[from].rows = [:]
    model.servers[from].generation = .zero
    model.servers[from].epoch = .zero
    model.servers[from].leases = [:]
    model.servers[from].observations = []
    model.servers[from].left = []
    model.servers[to].leases = old.leases
    let next = model.servers[to].agent
    try await store.write { tx in
      for lease in observations { try tx.observe(lease) }
      for lease in old.left {
        try tx.observe(ObservedLease(subnet: dhcpID, mac: lease.mac, address: lease.address, until: lease.until))
      }
      _ = try tx.assign(dhcpID, to: next)
    }
  }

  private func edit(_ model: inout Model, _ store: any RegionStore, _ random: inout SplitMix64) async throws {
    let name = try NodeName("n\(Int.random(in: 1...5, using: &random))")
    let other = try NodeName("n\(Int.random(in: 1...5, using: &random))")
    let kind = Int.random(in: 0...4, using: &random)
    let address: InterfaceAddress =
      [.auto, .dynamic, .fixed(IPv4Address(bits: 0x0a01_0000 + .random(in: 2...30, using: &random)))]
      .randomElement(using: &random) ?? .auto
    let wanted = spec(name, mac(.random(in: 1...8, using: &random)), "hall1", address)
    do {
      let passedOn = try await store.write { tx -> [(MACAddress, IPv4Address, Generation)] in
        guard let node = try tx.node(named: name) else {
          _ = try tx.write(.create(wanted), by: ops)
          return []
        }
        guard kind != 0 else {
          _ = try tx.write(.remove(node.id), by: ops)
          return []
        }
        guard kind == 1, let partner = try tx.node(named: other), partner.id != node.id else {
          let head = try tx.write(.replace(node.id, with: wanted), by: ops).generations.first?.generation ?? .zero
          // The node may have another card now, and the same address.
          let old = node.interfaces[0]
          return old.mac == wanted.interfaces[0].mac ? [] : old.address.fixed.map { [(old.mac, $0, head)] } ?? []
        }
        var (a, b) = (node.spec, partner.spec)
        (a.interfaces[0].address, b.interfaces[0].address) = (b.interfaces[0].address, a.interfaces[0].address)
        let head =
          try tx.write([.replace(node.id, with: a), .replace(partner.id, with: b)], by: ops)
          .generations.first?.generation ?? .zero
        return [node, partner].compactMap { node in
          node.interfaces[0].address.fixed.map { (node.interfaces[0].mac, $0, head) }
        }
      }
      for (mac, address, generation) in passedOn { model.passedOn[mac, default: [:]][address] = generation }
    } catch is Refusal {
    } catch is BatchRefused {
    }
  }
}
