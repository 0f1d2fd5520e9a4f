import CoreMetrics
import MetricsText
import Provisioning
import RPC
import Synchronization
import Testing
import Wire

@testable import Pserv

/// A region of one subnet that does what the test says, over the in-memory channel.
final class SampleRegion: MusterV1.AgentSessionService {
  private struct State {
    var feed = SampleFeed()
    var revision: UInt64 = 0
    var tokens: [String: [UInt8]] = [:]
    var heard: [MusterV1.AgentMessage.OneOfMessage] = []
    var waiters: [(@Sendable ([MusterV1.AgentMessage.OneOfMessage]) -> Bool, CheckedContinuation<Void, Never>)] = []
    var writers: [ResponseWriter<MusterV1.RegionMessage>] = []
    var refusal: RPCError?
    var hellos = 0
  }

  private let state = Mutex(State())
  let ended = Signal()

  func change<Value>(_ body: (inout SampleFeed) -> sending Value) -> sending Value {
    state.withLock { body(&$0.feed) }
  }

  /// Ends the sessions under way, and refuses new ones while `error` is set.
  func refuse(_ error: RPCError?) {
    state.withLock { $0.refusal = error }
    ended.raise()
  }

  var hellos: Int { state.withLock { $0.hellos } }
  var heard: [MusterV1.AgentMessage.OneOfMessage] { state.withLock { $0.heard } }
  func forget() { state.withLock { $0.heard = [] } }

  /// Returns when the agent has said what `condition` looks for.
  func hear(_ condition: @escaping @Sendable ([MusterV1.AgentMessage.OneOfMessage]) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if condition(state.heard) { return true }
        state.waiters.append((condition, continuation))
        return false
      }
      if isDone { continuation.resume() }
    }
  }

  func hearApplied(_ generation: UInt64) async {
    await hear { heard in
      heard.contains { if case .applied(let applied) = $0 { applied.generation == generation } else { false } }
    }
  }

  func say(_ message: MusterV1.RegionMessage.OneOfMessage) async throws {
    guard let writer = state.withLock({ $0.writers.last }) else { return }
    try await writer.write(MusterV1.RegionMessage(message: message))
  }

  /// Changes the feed and sends the delta.
  func put(_ bindings: [Binding]) async throws {
    let (chunk, commit) = change { $0.put(bindings) }
    try await say(.chunk(MusterV1.Chunk(chunk)))
    try await say(.commit(MusterV1.Commit(commit)))
  }

  func enroll(_ request: MusterV1.EnrollRequest, context: ServerContext) async throws -> MusterV1.EnrollResponse {
    try state.withLock { state in
      guard request.token == "one-time", state.tokens[request.token] ?? request.attempt == request.attempt else {
        throw RPCError(.unauthenticated, "no such token")
      }
      state.tokens[request.token] = request.attempt
    }
    return MusterV1.EnrollResponse(agentUid: "u1", credential: "lasting")
  }

  func session(
    _ requests: RequestStream<MusterV1.AgentMessage>, responses: ResponseWriter<MusterV1.RegionMessage>,
    context: ServerContext
  ) async throws {
    guard context.metadata["authorization"] == "Bearer lasting" else { throw RPCError(.unauthenticated, "who?") }
    guard case .hello(let hello)? = try await requests.next()?.message else { throw RPCError(.invalidArgument) }
    try state.withLock { state in
      state.hellos += 1
      if let refusal = state.refusal { throw refusal }
      state.writers.append(responses)
    }
    try await begin(hello, responses)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while let message = try await requests.next() {
          if case .renew? = message.message {
            try await responses.write(MusterV1.RegionMessage(message: .renewAck(MusterV1.RenewAck())))
          }
          self.take(message)
        }
      }
      group.addTask {
        await self.ended.wait()
        if let refusal = self.state.withLock({ $0.refusal }) { throw refusal }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func begin(_ hello: MusterV1.Hello, _ responses: ResponseWriter<MusterV1.RegionMessage>) async throws {
    var welcome = MusterV1.Welcome()
    welcome.sessionEpoch = 1
    welcome.renewNs = Duration.seconds(3).nanoseconds
    welcome.protocolVersion = 1
    try await responses.write(MusterV1.RegionMessage(message: .welcome(welcome)))
    let feed = change { $0 }
    var assign = MusterV1.Assign()
    assign.dhcpId = feed.dhcpID.number
    assign.subnet = feed.header.name.text
    assign.epoch = feed.epoch.number
    try await responses.write(MusterV1.RegionMessage(message: .assign(assign)))
    guard feed.generation > .zero, hello.have.first?.digest != feed.digest.octets else { return }
    try await responses.write(MusterV1.RegionMessage(message: .chunk(MusterV1.Chunk(feed.snapshot))))
    try await responses.write(MusterV1.RegionMessage(message: .commit(MusterV1.Commit(feed.commit))))
  }

  private func take(_ message: MusterV1.AgentMessage) {
    guard let message = message.message else { return }
    let woken = state.withLock { state in
      state.heard.append(message)
      let heard = state.heard
      let woken = state.waiters.filter { $0.0(heard) }
      state.waiters.removeAll { $0.0(heard) }
      return woken.map(\.1)
    }
    for waiter in woken { waiter.resume() }
  }
}

extension MusterV1.Chunk {
  init(_ chunk: FeedChunk) {
    self.init()
    dhcpId = chunk.dhcpID.number
    epoch = chunk.epoch.number
    base = chunk.base.number
    to = chunk.to.number
    snapshot = chunk.isSnapshot
    header = chunk.header.map { MusterV1.Header($0, generation: chunk.headerGeneration) }
    upserts = chunk.rows.compactMap { row in row.binding.map { MusterV1.BindingRow($0, generation: row.generation) } }
    tombstones = chunk.rows.filter { $0.binding == nil }
      .map { MusterV1.Tombstone(mac: $0.mac, generation: $0.generation) }
  }
}

extension MusterV1.Commit {
  init(_ commit: FeedCommit) {
    self.init()
    dhcpId = commit.dhcpID.number
    epoch = commit.epoch.number
    to = commit.to.number
    digest = commit.digest.octets
    incarnation = commit.incarnation
  }
}

/// Links that stay as they are.
private struct StillLinks: LinkSource {
  func links(of interfaces: [String]) throws -> [LinkState] { Sample.links.named.map(\.state) }
  func watch(_ changed: @escaping @Sendable () -> Void) async throws { try await Task.sleep(for: .seconds(3600)) }
}

/// The whole agent: session, mirror, plan, apply and back.
struct AgentTests {
  private let scratch = Scratch()
  private let region = SampleRegion()
  private let dhcp = MemoryDHCP()

  /// Runs an agent while `body` runs.
  private func withAgent(
    token: String? = "one-time", daemons: DaemonsAtExit = .keep, _ body: @Sendable (Rack) async throws -> Void
  ) async throws {
    let rack = Rack(
      name: "rack1", mirror: try scratch.mirror(), links: Sample.links, time: SystemTimekeeper(),
      random: { .random(in: 0 ... .max) }, log: Sample.log)
    let channel = InMemoryChannel(router: Router(services: [region]))
    let edges = Pserv.Edges(dhcp: dhcp, loaders: nil, links: StillLinks(), bootFiles: nil, token: { token })
    let pserv = Pserv(
      rack: rack, regions: [RegionEndpoint(name: "region", channel: channel)],
      interfaces: ["eno2": .default, "eno3": .default], edges: edges, memoryMax: .max, version: "test")
    let stop = Signal()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await pserv.run(until: { await stop.wait() }, daemons: daemons) }
      try await body(rack)
      stop.raise()
      try await group.waitForAll()
    }
  }

  @Test func anAgentEnrolsMirrorsAppliesAndAcknowledges() async throws {
    _ = region.change { $0.put([Sample.binding(2), Sample.binding(3)]) }
    try await withAgent { rack in
      await region.hearApplied(1)
      #expect(rack.mirror.content.identity.credential == "lasting")
      try await region.put([Sample.binding(4)])
      await region.hearApplied(2)
    }
    let applied = region.heard.compactMap { if case .applied(let applied) = $0 { applied } else { nil } }.last
    #expect(applied?.digest == region.change { $0.digest }.octets)
    #expect(applied?.probe == "probe ok")
    #expect(applied?.rejected == [])
    #expect(dhcp.exchange(Sample.mac(4), in: Sample.hall1) == "10.1.0.4")
  }

  @Test func aThousandEditsAreAtMostTenReloadsAndAllAreServed() async throws {
    _ = region.change { $0.put([Sample.binding(1)]) }
    try await withAgent { _ in
      await region.hearApplied(1)
      let before = dhcp.loads
      let clock = ContinuousClock()
      let took = try await clock.measure {
        for number in 2...1001 { try await region.put([Sample.binding(number)]) }
        await region.hearApplied(1001)
      }
      // One at most for each spacing that fits into the time it took, whatever the machine's speed.
      let bound = Int(took / ApplyLoop.reloadSpacing) + 2
      #expect(dhcp.loads - before <= min(bound, took < .seconds(1) ? 10 : bound))
    }
    #expect(dhcp.snapshot.loaded?[Sample.hall1]?.bindings.count == 1001 - dhcpRejected)
  }

  /// Nodes whose sample address is no node's: the gateway's, the pool's, the agent's.
  private var dhcpRejected: Int {
    (1...1001).count { number in
      let address = Sample.address(number)
      return address == Sample.header().gateway || address == Sample.agent || Sample.header().pool.contains(address)
        || address == Sample.header().prefix.broadcast
    }
  }

  @Test func whatAnAgentDoesIsCounted() async throws {
    let metrics = TextMetrics()
    _ = region.change { $0.put([Sample.binding(2), Sample.binding(3)]) }
    try await withMetricsFactory(metrics) {
      try await withAgent { rack in
        await region.hearApplied(1)
        RackMeter(rack: rack).measure()
      }
    }
    let text = metrics.text()
    for line in [
      "muster_pserv_reloads 1", "muster_pserv_silence_seconds_count 1", "muster_pserv_apply_failures 0",
      "muster_pserv_subnets 1.0", "muster_pserv_reservations 2.0", "muster_pserv_region_connected 1.0",
    ] { #expect(text.contains("\n\(line)\n")) }
  }

  @Test func withTheRegionGoneARestartedAgentServesWhatItKnows() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent { _ in await region.hearApplied(1) }
    region.refuse(RPCError(.unavailable, "gone"))
    dhcp.change { ($0.isRunning, $0.loaded) = (false, nil) }
    let served = Signal()
    dhcp.beforeEachCall { if $0 == .probe { served.raise() } }
    try await withAgent { rack in
      // Boot answers are right before anything else happens.
      guard case .known = rack.view.answer(to: Sample.mac(2), at: Sample.agent) else { return #expect(Bool(false)) }
      await served.wait()
      #expect(dhcp.exchange(Sample.mac(2), in: Sample.hall1) == "10.1.0.2")
    }
  }

  @Test func aLostSessionIsTakenUpAgain() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent { _ in
      await region.hearApplied(1)
      region.forget()
      region.ended.raise()
      // The new session is told what is applied without a new apply.
      await region.hearApplied(1)
      #expect(dhcp.loads == 1)
      #expect(region.hellos >= 2)
    }
  }

  @Test func aDisplacedAgentStopsWritingAndDoesNotComeBack() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent { rack in
      await region.hearApplied(1)
      region.refuse(RPCError(.failedPrecondition, "AGENT_DISPLACED: another machine uses the identity of agent rack1"))
      while rack.contact != .displaced { await Task.yield() }
    }
    let hellos = region.hellos
    region.refuse(nil)
    // A restart by itself is not an operator's word either.
    try await withAgent { rack in
      while rack.contact != .displaced { await Task.yield() }
      #expect(region.hellos == hellos)
    }
    // What serves was left alone.
    #expect(dhcp.snapshot.isRunning)
  }

  @Test func anEnlistmentIsSentUntilTheRegionHasIt() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent { rack in
      await region.hearApplied(1)
      let report = MachineReport(macs: [Sample.mac(77)], address: "10.1.3.5", serial: "7XK2")
      #expect(try await rack.phoneHome(report, at: Sample.agent) == .enlisted)
      let isEnlistment: @Sendable (MusterV1.AgentMessage.OneOfMessage) -> MusterV1.Observed? = {
        if case .observed(let observed) = $0, !observed.enlistments.isEmpty { observed } else { nil }
      }
      await region.hear { $0.contains { isEnlistment($0) != nil } }
      let observed = try #require(region.heard.compactMap(isEnlistment).first)
      #expect(observed.enlistments.map(\.serial) == ["7XK2"])
      #expect(rack.mirror.content.spooled == 1)
      try await region.say(
        .observedAck(MusterV1.ObservedAck(sequence: observed.sequence, enlistmentIds: observed.enlistments.map(\.id))))
      while rack.mirror.content.spooled > 0 { await Task.yield() }
    }
  }

  @Test func aRevokedSubnetIsLetGoAndAnswered() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent { _ in
      await region.hearApplied(1)
      try await region.say(.revoke(MusterV1.Revoke(dhcpId: 1, epoch: 2)))
      await region.hear { $0.contains { if case .applied(let applied) = $0 { applied.revoked } else { false } } }
      #expect(!dhcp.snapshot.isRunning)
      // Of an epoch that is over nothing is taken any more.
      let (chunk, _) = region.change { $0.put([Sample.binding(9)]) }
      try await region.say(.chunk(MusterV1.Chunk(chunk)))
      await region.hear { $0.contains { if case .refused(let refused) = $0 { refused.reason == .staleEpoch } else { false } } }
    }
  }

  @Test func aStopInGoodOrderEndsTheDaemon() async throws {
    _ = region.change { $0.put([Sample.binding(2)]) }
    try await withAgent(daemons: .stop) { _ in await region.hearApplied(1) }
    #expect(!dhcp.snapshot.isRunning)
  }
}
