import Logging
import Provisioning
import RPC
import Store
import Synchronization
import Wire

@testable import Region

/// A region over a store in memory, served through the in-memory channel, with a clock that moves when told.
final class RegionRig: Sendable {
  let store: SQLiteStore
  let region: Region
  let channel: InMemoryChannel
  let time: RigTime

  var context: RegionContext { region.context }

  init() throws {
    let time = RigTime()
    self.time = time
    let random = Mutex(SeededGenerator(seed: 1))
    let draw: @Sendable () -> UInt64 = { random.withLock { $0.next() } }
    store = try SQLiteStore.inMemory(environment: StoreEnvironment(now: { time.now }, random: draw))
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let context = RegionContext(
      store: store,
      clocks: Clocks(
        now: { time.now }, uptime: { time.uptime },
        // Nobody's time passes by itself; who sleeps is woken by what it waits for, or cancelled.
        sleep: { _ in try await Task.sleep(for: .seconds(3_600)) }),
      logger: logger, version: "test", random: draw)
    region = Region(context: context, tokens: nil)
    channel = InMemoryChannel(router: region.router)
  }

  func advance(seconds: Int64) { time.advance(seconds: seconds) }

  // MARK: What an operator does

  var agents: MusterV1.AgentServiceClient { .init(channel: channel) }

  /// Announces and enrols an agent.
  func enrol(_ name: String) async throws -> String {
    let created = try await token(of: name)
    let enrolled = try await MusterV1.AgentSessionServiceClient(channel: channel).enroll(
      .init(agent: name, token: created.enrollmentToken, attempt: .init(repeating: 1, count: 16)))
    return enrolled.credential
  }

  /// Of an agent that `addSubnet` added, or of a new one.
  private func token(of name: String) async throws -> MusterV1.CreateAgentResponse {
    do { return try await agents.reissueToken(.init(name: name)) } catch let error as RPCError where error.code == .notFound {
      return try await agents.createAgent(.init(name: name))
    }
  }

  /// Adds the agents, too, if they are new.
  @discardableResult
  func addSubnet(
    _ name: SubnetName, _ prefix: IPv4Prefix, agents: [AgentName] = [], pool: AddressPool = .empty
  ) async throws -> DHCPSubnetID {
    let placement = context.placement
    return try await store.write { transaction in
      for agent in agents where try transaction.agent(named: agent) == nil {
        _ = try transaction.createAgent(agent, token: [1], tokenExpires: transaction.now)
      }
      let spec = SubnetSpec(name: name, prefix: prefix, pool: pool, agents: agents)
      let row = try transaction.createSubnet(spec, by: .local).row
      try placement.place(row.subnet.dhcpID, in: &transaction)
      return row.subnet.dhcpID
    }
  }

  @discardableResult
  func addNode(
    _ name: NodeName, _ mac: MACAddress, _ subnet: SubnetName, address: InterfaceAddress = .auto,
    serial: SerialNumber? = nil
  ) async throws -> Node {
    let interface = NetworkInterface(name: "eth0", mac: mac, subnet: subnet, address: address, boot: true)
    let spec = NodeSpec(name: name, interfaces: [interface], serial: serial)
    let result = try await store.write { try $0.write(.create(spec), by: .local) }
    guard let node = result.results.first?.node else { throw Refusal.unknownNode(name.text) }
    return node
  }

  func row(_ id: DHCPSubnetID) async throws -> SubnetRow {
    guard let row = try await store.read({ try $0.subnet(id) }) else { throw Refusal.unknownSubnet("\(id)") }
    return row
  }

  func events(_ kind: EventKind) async throws -> [Event] {
    try await store.read { try $0.events(EventFilter(kind: kind), after: 0, limit: 10_000).events }
  }

  /// Waits until the subnet's row is as wanted.
  func wait(for id: DHCPSubnetID, until isReached: @Sendable (SubnetRow) -> Bool) async throws {
    try await context.hub.withSubscription(to: [.applied(id), .head(id)]) { signal in
      while !isReached(try await row(id)) { _ = try await signal.next() }
    }
  }

  // MARK: What an agent does

  /// Runs `body` while the agent has a session.
  ///
  /// - Returns: How the session ended.
  @discardableResult
  func session(
    _ name: String, credential: String, memory: AgentMemory, acknowledges: Bool = true,
    _ body: @Sendable (AgentProbe) async throws -> Void
  ) async throws -> RPCStatus {
    let probe = AgentProbe(memory: memory, name: name, acknowledges: acknowledges)
    var options = CallOptions()
    options.metadata["authorization"] = "Bearer \(credential)"
    let client = MusterV1.AgentSessionServiceClient(channel: channel)
    return try await withThrowingTaskGroup(of: RPCStatus?.self) { [options] group in
      group.addTask {
        defer { probe.end() }
        do {
          try await client.session(
            options: options,
            requests: { writer in for await message in probe.outgoing { try await writer.write(message) } },
            onResponses: { for try await message in $0 { probe.receive(message) } })
          return .ok
        } catch let error as RPCError {
          return error.status
        }
      }
      do {
        try await body(probe)
      } catch let error {
        probe.hangUp()
        group.cancelAll()
        throw error
      }
      probe.hangUp()
      let status = try await group.next() ?? nil
      return status ?? .ok
    }
  }
}

/// Time that moves when told.
final class RigTime: Sendable {
  private let seconds = Mutex<Int64>(1_800_000_000)

  var now: Timestamp { Timestamp(seconds: seconds.withLock { $0 }) }
  var uptime: Int64 { seconds.withLock { $0 } * 1_000_000_000 }

  func advance(seconds more: Int64) { seconds.withLock { $0 += more } }
}
