internal import Provisioning
internal import RPC
internal import Wire

/// An operator who edits at random, one call after the other, and keeps account of what the region answered. It is a
/// client on a host of its own that nothing happens to. Used on the world's thread only.
final class Operator: @unchecked Sendable {
  let process: SimulatedProcess
  private(set) var ledger = Ledger()
  /// The setup is done.
  private(set) var isReady = false
  /// Nothing is under way.
  private(set) var isIdle = true
  /// The last edits are done.
  private(set) var isTidy = false
  /// Whether to look a last time at all nodes.
  var mayVerify = false
  /// Everything acknowledged was there.
  private(set) var isFinished = false
  /// Whether to begin further edits.
  var mayEdit = true
  private var isLast = false
  private let world: World
  private let site: Site
  private let region: RegionHost
  private let oracle: Oracle
  private let hosts: [AgentHost]
  private let machines: [Machine]
  private let strangers: [Machine]
  /// As the last look at all nodes showed them.
  private var listed: [MusterV1.Node] = []
  private let plan: Cluster.Plan
  private var random: SplitMix64
  private let subnets: MusterV1.SubnetServiceClient
  private let nodes: MusterV1.NodeServiceClient
  private let agents: MusterV1.AgentServiceClient
  private var drained: Int?
  /// What might delay an answer for reasons of the region's own.
  var disturbances = 0

  /// A mutation is answered within this while nothing happens to the region, whatever happens to agents.
  static let answerMax: Duration = .milliseconds(500)
  private static let callTimeout: Duration = .seconds(10)
  private static let leaseSeconds: ClosedRange<Int64> = 60...300

  init(
    world: World, site: Site, network: SimulatedNetwork, region: RegionHost, hosts: [AgentHost],
    machines: [Machine], strangers: [Machine], oracle: Oracle, plan: Cluster.Plan
  ) {
    self.oracle = oracle
    self.plan = plan
    self.world = world
    self.site = site
    self.region = region
    self.hosts = hosts
    self.machines = machines
    self.strangers = strangers
    random = world.random.fork()
    process = SimulatedProcess(name: "operator", number: 1_000, world: world)
    let channel = SimulatedChannel(process, on: "operator", to: RegionHost.address, over: network, keepalive: (.seconds(20), .seconds(10)))
    (subnets, nodes, agents) = (.init(channel: channel), .init(channel: channel), .init(channel: channel))
  }

  func start() {
    process.start { [self] in
      do {
        try await setUp()
        isReady = true
        try await edit()
        try await tidyUp()
        isTidy = true
        while !mayVerify { try await process.sleep(for: plan.pauses.upperBound) }
        try await verify()
        isFinished = true
      } catch {
        if process.isAlive { world.violate(.answersAreUnderstood, "the operator gives up: \(error)") }
      }
    }
  }

  /// Tidies up once what is under way is done.
  func finish() {
    isLast = true
  }

  private var options: CallOptions { CallOptions(timeout: Self.callTimeout) }

  // MARK: Setup

  private func setUp() async throws {
    for index in 0..<site.subnetCount {
      var subnet = MusterV1.Subnet(name: site.subnet(index), prefix: site.prefix(index), gateway: site.gateway(index))
      if plan.hasPools { subnet.pools = [Self.pool(site, index, from: 200, to: 219)] }
      subnet.lease = GoogleProtobuf.Duration(seconds: Int64.random(in: Self.leaseSeconds, using: &random))
      subnet.dhcpEnabled = true
      _ = try await subnets.createSubnet(.init(subnet: subnet), options: options)
    }
    for host in hosts {
      let created = try await agents.createAgent(.init(name: host.name.text), options: options)
      host.token = created.enrollmentToken
      try host.start()
    }
  }

  private static func pool(_ site: Site, _ index: Int, from: Int, to: Int) -> String {
    "\(site.address(index, from))-\(site.address(index, to))"
  }

  // MARK: Edits

  private func edit() async throws {
    while true {
      try await process.sleep(for: random.duration(plan.pauses))
      if isLast { return }
      guard mayEdit else { continue }
      isIdle = false
      try await editOnce()
      isIdle = true
    }
  }

  private func editOnce() async throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<40: try await writeNode()
    case 40..<60: try await moveNode()
    case 60..<70: try await swapNodes()
    case 70..<80: try await removeNode()
    case 80..<84: try await orderBoot()
    case 84..<90 where plan.hasPools: try await changePool()
    case 90..<92: try await toggleDHCP()
    case 92..<95 where plan.movesSubnets: try await drainOrNot()
    case 95..<97 where plan.movesSubnets: try await restrictAgents()
    default: try await verify()
    }
  }

  private func anyNode() -> Int { Int.random(in: 0..<machines.count, using: &random) }

  private func interface(_ index: Int, in subnet: Int) -> MusterV1.NetworkInterface {
    let address =
      switch Int.random(in: 0..<4, using: &random) {
      case 0: "dynamic"
      case 1: "\(site.address(subnet, Int.random(in: 2..<60, using: &random)))"
      default: "auto"
      }
    return .init(
      name: "eth0", mac: "\(site.mac(index))", subnet: site.subnet(subnet), address: address, boot: true)
  }

  private func writeNode() async throws {
    let index = anyNode()
    let name = site.node(index)
    if case .exists? = ledger.nodes[name] {
      return try await update(index, mask: "tags") { $0.tags = ["t\(Int.random(in: 0..<5, using: &random))"] }
    }
    let node = MusterV1.Node(name: name, interfaces: [interface(index, in: machines[index].subnet)])
    var revision: UInt64 = 0
    let outcome = try await call("add \(name)") { [nodes, options] in
      try await nodes.createNode(.init(node: node), options: options).node?.revision ?? 0
    } done: { revision = $0 }
    ledger.note(outcome, of: [name]) { _ in .exists(revision: revision) }
  }

  private func moveNode() async throws {
    let index = anyNode()
    let subnet = random.oneIn(2) ? Int.random(in: 0..<site.subnetCount, using: &random) : machines[index].subnet
    let interface = interface(index, in: subnet)
    try await update(index, mask: "interfaces") { $0.interfaces = [interface] }
    // Somebody carries the machine over, or forgets to.
    if !random.oneIn(4) { machines[index].plug(into: subnet) }
  }

  private func orderBoot() async throws {
    try await update(anyNode(), mask: "boot_once") { $0.bootOnce = "enlist" }
  }

  private func update(_ index: Int, mask: String, _ change: (inout MusterV1.Node) -> Void) async throws {
    let name = site.node(index)
    var node = MusterV1.Node(name: name)
    change(&node)
    let request = MusterV1.UpdateNodeRequest(node: node, updateMask: GoogleProtobuf.FieldMask(paths: [mask]))
    var revision: UInt64 = 0
    let outcome = try await call("update \(name) \(mask)") { [nodes, options] in
      try await nodes.updateNode(request, options: options).node?.revision ?? 0
    } done: { revision = $0 }
    ledger.note(outcome, of: [name]) { _ in .exists(revision: revision) }
  }

  private func removeNode() async throws {
    let name = site.node(anyNode())
    let outcome = try await call("remove \(name)") { [nodes, options] in
      try await nodes.deleteNode(.init(name: name), options: options).node?.revision ?? 0
    } done: { _ in }
    ledger.note(outcome, of: [name]) { _ in .gone }
  }

  /// Two nodes exchange their addresses in one transaction.
  private func swapNodes() async throws {
    let (a, b) = (site.node(anyNode()), site.node(anyNode()))
    guard a != b, case .exists? = ledger.nodes[a], case .exists? = ledger.nodes[b] else { return }
    var pair: [MusterV1.Node] = []
    for name in [a, b] {
      _ = try await call("get \(name)") { [nodes, options] in
        try await nodes.getNode(.init(name: name), options: options)
      } done: { pair.append($0) }
    }
    guard pair.count == 2, !pair[0].interfaces.isEmpty, !pair[1].interfaces.isEmpty,
      pair[0].interfaces[0].subnet == pair[1].interfaces[0].subnet
    else { return }
    let passed = try holders(in: pair)
    (pair[0].interfaces[0].address, pair[1].interfaces[0].address) =
      (pair[1].interfaces[0].address, pair[0].interfaces[0].address)
    var request = MusterV1.BatchWriteNodesRequest()
    request.writes = pair.map { node in
      MusterV1.NodeWrite(
        write: .update(
          MusterV1.UpdateNodeRequest(
            node: MusterV1.Node(name: node.name, interfaces: node.interfaces),
            updateMask: GoogleProtobuf.FieldMask(paths: ["interfaces"]))))
    }
    oracle.willPassOn(passed)
    let outcome = try await call("swap \(a) \(b)") { [nodes, options, request] in
      try await nodes.batchWriteNodes(request, options: options)
    } done: { _ in }
    if outcome == .refused { oracle.didNotPassOn(passed) }
    let before = ledger.nodes
    ledger.note(outcome, of: [a, b]) { before[$0] ?? .uncertain }
  }

  private func holders(in nodes: [MusterV1.Node]) throws -> [IPv4Address: MACAddress] {
    var holders: [IPv4Address: MACAddress] = [:]
    for interface in nodes.flatMap(\.interfaces) where interface.address != "dynamic" && !interface.address.isEmpty {
      holders[try IPv4Address(interface.address)] = try MACAddress(interface.mac)
    }
    return holders
  }

  private func changePool() async throws {
    let index = Int.random(in: 0..<site.subnetCount, using: &random)
    let first = Int.random(in: 190..<215, using: &random)
    let pool = Self.pool(site, index, from: first, to: first + Int.random(in: 3..<20, using: &random))
    try await update(subnet: index, mask: "pools") { $0.pools = [pool] }
  }

  private func toggleDHCP() async throws {
    let isOn = !random.oneIn(3)
    try await update(subnet: Int.random(in: 0..<site.subnetCount, using: &random), mask: "dhcp_enabled") {
      $0.dhcpEnabled = isOn
    }
  }

  /// Which agents may serve a subnet: the owner may have to let go.
  private func restrictAgents() async throws {
    let index = Int.random(in: 0..<site.subnetCount, using: &random)
    let allowed = random.oneIn(2) ? [] : [site.agents(on: index).randomElement(using: &random) ?? 0]
    try await update(subnet: index, mask: "agents") { $0.agents = allowed.map { site.agent($0).text } }
  }

  @discardableResult
  private func update(
    subnet index: Int, mask: String, _ change: (inout MusterV1.Subnet) -> Void
  ) async throws -> Outcome {
    var subnet = MusterV1.Subnet(name: site.subnet(index))
    change(&subnet)
    let request = MusterV1.UpdateSubnetRequest(
      subnet: subnet, updateMask: GoogleProtobuf.FieldMask(paths: [mask]))
    let outcome = try await call("update \(subnet.name) \(mask)") { [subnets, options] in
      try await subnets.updateSubnet(request, options: options)
    } done: { _ in }
    ledger.note(outcome, of: []) { _ in .uncertain }
    return outcome
  }

  private func drainOrNot() async throws {
    if let agent = drained {
      let outcome = try await undrain(agent)
      if outcome == .done { drained = nil }
      return
    }
    let agent = Int.random(in: 0..<site.agentCount, using: &random)
    let name = site.agent(agent).text
    let outcome = try await call("drain \(name)") { [agents, options] in
      try await agents.drainAgent(.init(name: name), options: options)
    } done: { _ in }
    if outcome != .refused { drained = agent }
  }

  private func undrain(_ agent: Int) async throws -> Outcome {
    let name = site.agent(agent).text
    return try await call("undrain \(name)") { [agents, options] in
      try await agents.undrainAgent(.init(name: name), options: options)
    } done: { _ in }
  }

  // MARK: Looking

  /// Compares what the region says with what it acknowledged.
  private func verify() async throws {
    listed = []
    var request = MusterV1.ListNodesRequest(pageSize: 1_000)
    while true {
      var next = ""
      let outcome = try await call("list") { [nodes, options, request] in
        try await nodes.listNodes(request, options: options)
      } done: { [self] response in
        listed += response.nodes
        next = response.nextPageToken
      }
      guard outcome == .done else { return }
      if next.isEmpty { break }
      request.pageToken = next
    }
    for problem in ledger.problems(in: listed) { world.violate(.acknowledgedSurvives, problem) }
  }

  /// The last edits of a run: every agent may serve again, every subnet is on.
  private func tidyUp() async throws {
    for agent in 0..<site.agentCount {
      try await insist { try await self.undrain(agent) }
    }
    for index in 0..<site.subnetCount {
      try await insist { try await self.update(subnet: index, mask: "dhcp_enabled") { $0.dhcpEnabled = true } }
      try await insist { try await self.update(subnet: index, mask: "agents") { $0.agents = [] } }
    }
  }

  /// Repeats a call until its answer arrives.
  private func insist(_ body: () async throws -> Outcome) async throws {
    while try await body() == .lost { try await process.sleep(for: plan.pauses.upperBound) }
  }

  /// After convergence: machines get what their nodes say, and who was enlisted is a node.
  func checkService() {
    for (index, machine) in machines.enumerated() {
      guard let node = listed.first(where: { $0.name == site.node(index) }), let interface = node.interfaces.first,
        interface.subnet == site.subnet(machine.subnet), !interface.address.isEmpty, interface.address != "dynamic"
      else { continue }
      let address = machine.askAgain().map { "\($0)" } ?? "nothing"
      if address != interface.address {
        world.violate(.servedAsDesired, "\(node.name) is to have \(interface.address) and gets \(address)")
      }
    }
    for stranger in strangers where stranger.isEnlisted {
      let count = listed.count { $0.interfaces.contains { $0.mac == "\(stranger.mac)" } }
      if count != 1 { world.violate(.enlistedSurvives, "\(stranger.mac) was enlisted and is \(count) nodes") }
    }
  }

  // MARK: Calls

  private func call<Value: Sendable>(
    _ what: String, _ body: @Sendable () async throws -> Value, done: (Value) -> Void
  ) async throws -> Outcome {
    let (began, before) = (world.now, disturbances)
    let outcome: Outcome
    var words = "ok"
    do {
      done(try await body())
      outcome = .done
    } catch let error as RPCError {
      words = "\(error.code.name) \(error.message)"
      guard let known = Outcome(error) else {
        world.violate(.answersAreUnderstood, "\(what): \(words)")
        throw error
      }
      outcome = known
    }
    world.note("operator", "\(what): \(words)")
    let took = world.now - began
    if outcome != .lost, disturbances == before, !region.wasDiskSlow(since: began), took > Self.answerMax {
      world.violate(.mutationsWaitForNoAgent, "\(what) took \(took)")
    }
    return outcome
  }
}
