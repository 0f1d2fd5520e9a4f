internal import Logging
internal import Provisioning
internal import RPC
internal import Store
internal import Synchronization
internal import Wire

/// Runs one `AgentSession`: a task that reads the agent's messages, a task that writes what the session says is next.
/// It decides nothing.
final class SessionShell: Sendable {
  private let session: Mutex<AgentSession>
  private let agent: AgentName
  private let epoch: SessionEpoch
  private let context: RegionContext
  private let records: SessionRecords
  /// Wakes the writer.
  let signal = WakeSignal<Topic>()
  /// Wakes the reader that paused because answers piled up.
  private let room = WakeSignal<Topic>()

  init(_ session: AgentSession, context: RegionContext) {
    self.agent = session.agent
    self.epoch = session.epoch
    self.session = Mutex(session)
    self.context = context
    self.records = SessionRecords(context: context, agent: session.agent, session: session.epoch)
  }

  /// Ends the session with this status, from any task.
  func end(_ error: RPCError) {
    session.withLock { $0.end(error) }
    signal.raise(.session)
  }

  /// Runs until the agent ends its stream.
  ///
  /// - Throws: `RPCError` with the status the agent gets.
  func run(
    _ requests: RequestStream<MusterV1.AgentMessage>, _ responses: ResponseWriter<MusterV1.RegionMessage>
  ) async throws {
    let topics: [Topic] = [.assignments(agent), .agent(agent), .profiles]
    context.hub.subscribe(signal, to: topics)
    defer {
      context.hub.unsubscribe(signal, from: topics)
      context.hub.unsubscribe(signal, from: session.withLock(\.subnets).map(Topic.head))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.read(requests) }
      group.addTask { try await self.write(responses) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  // MARK: Writing

  private func write(_ responses: ResponseWriter<MusterV1.RegionMessage>) async throws {
    while true {
      let raised = signal.takeRaised()
      let uptime = context.clocks.uptime()
      let step = session.withLock { session in
        session.wake(raised)
        return session.nextStep(now: uptime)
      }
      switch step {
      case .send(let message):
        try await responses.write(message)
        room.raise(.session)
      case .loadAssignments:
        try await loadAssignments()
      case .loadProfiles:
        let profiles = try await records.profiles()
        session.withLock { $0.take(profiles) }
      case .readLeases(let read):
        let part = try await records.read(read)
        session.withLock { $0.take(part, for: read) }
      case .read(let read):
        let part = try await records.read(read)
        session.withLock { $0.take(part, for: read, now: context.clocks.uptime()) }
      case .wait(let until):
        try await wait(until: until)
      case .end(let error):
        throw error
      }
    }
  }

  private func loadAssignments() async throws {
    let before = session.withLock(\.subnets)
    let assignments = try await records.assignments(besides: session.withLock(\.claimedSubnets))
    // Subscribed before the feeds are read, so that no commit falls between.
    context.hub.subscribe(signal, to: assignments.owned.map { .head($0.dhcpID) })
    session.withLock { $0.take(assignments) }
    let after = Set(session.withLock(\.subnets))
    context.hub.unsubscribe(signal, from: before.filter { !after.contains($0) }.map(Topic.head))
  }

  private func wait(until time: Int64?) async throws {
    guard let time else { return try await signal.wait() }
    let remaining = max(0, time - context.clocks.uptime())
    // Neither takes what was raised: whoever comes second leaves it for the next step.
    try await withThrowingTaskGroup(of: Void.self) { [signal, context] group in
      group.addTask { try await signal.wait() }
      group.addTask { try await context.clocks.sleep(remaining) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  // MARK: Reading

  private func read(_ requests: RequestStream<MusterV1.AgentMessage>) async throws {
    while let message = try await requests.next() {
      guard context.sessions.heard(epoch, of: agent, now: context.clocks.now(), uptime: context.clocks.uptime()) else {
        throw session.withLock(\.ending) ?? .replaced(agent)
      }
      let effect = try session.withLock { try $0.receive(message, now: context.clocks.uptime()) }
      try await carryOut(effect)
      signal.raise(.session)
      while session.withLock(\.isCongested) {
        guard try await room.next() != nil else { return }
      }
    }
  }

  private func carryOut(_ effect: AgentSession.Effect) async throws {
    switch effect {
    case .none:
      break
    case .renew(let renew):
      try await records.record(renew)
      session.withLock { $0.acknowledgeRenewal(timeNanoseconds: context.clocks.now().nanoseconds) }
    case .applied(let applied, let subnetEpoch):
      try await record(applied, at: subnetEpoch)
    case .released(let subnet, let leases):
      try await records.recordRelease(of: subnet, leases: leases)
    case .left(let leases):
      try await records.record(leases)
    case .newerEpoch(let subnet, let seen):
      try await records.recordNewerEpoch(of: subnet, seen)
    case .healing(let subnet, let reason):
      try await records.recordHealing(of: subnet, reason)
    case .observed(let observed):
      let outcome = try await records.record(observed)
      // What was put off comes again at once; meanwhile this agent, and it alone, waits.
      if outcome.deferred > 0 { try await context.clocks.sleep(Self.deferralNanoseconds) }
      session.withLock { $0.acknowledge(observed.sequence, enlistments: outcome.durable) }
    case .trouble(let trouble):
      try await records.record(trouble)
    case .bootFiles(let files):
      try await records.record(files)
    }
  }

  /// How long an agent waits for the answer to enlistments that were put off.
  static let deferralNanoseconds: Int64 = 1_000_000_000

  private func record(_ applied: MusterV1.Applied, at subnetEpoch: Epoch) async throws {
    let id = DHCPSubnetID(number: applied.dhcpId)
    switch try await records.record(applied, at: subnetEpoch) {
    case .recorded, .older:
      break
    case .superseded:
      signal.raise(.assignments(agent))
    case .digestMismatch, .ahead:
      session.withLock { $0.heal(id, now: context.clocks.uptime()) }
      try await records.recordHealing(of: id, .digest)
    }
  }
}
