internal import Logging
internal import Provisioning
internal import RPC
internal import Store

/// What the region does without being asked: notices who went silent, forgets what is too old.
package struct Housekeeping: Sendable {
  let context: RegionContext
  let eventsKeep: Duration

  /// How long events are kept unless something else is configured.
  package static let eventsKeepDefault: Duration = .seconds(StoreLimits.eventsKeptSeconds)
  /// The longest that can be configured; the store also bounds their number (`StoreLimits.eventsMax`).
  package static let eventsKeepMax: Duration = .seconds(366 * 86_400)
  /// After a start nobody is offline for so long: agents need time to come back.
  package static let graceAfterStart: Duration = .seconds(60)
  static let tickNanoseconds: Int64 = 1_000_000_000
  /// A region that was itself held up for longer does not judge others' silence by it.
  static let tickLagMax: Int64 = 1_000_000_000
  /// Ticks from one trim to the next.
  static let ticksPerTrim = 10

  /// Runs until the task is cancelled.
  ///
  /// - Throws: `StoreError.failed` when the disk failed: the store takes no more writes until it is opened anew.
  func run() async throws {
    try await remember()
    var ticks = 0
    while true {
      let before = context.clocks.uptime()
      try await context.clocks.sleep(Self.tickNanoseconds)
      let lag = context.clocks.uptime() - before - Self.tickNanoseconds
      do {
        try await keepClock()
        if lag <= Self.tickLagMax { try await expireAgents() }
        ticks += 1
        if ticks % Self.ticksPerTrim == 0 { try await trim() }
      } catch let error as StoreError {
        // A store that takes no more writes is of no use; whoever watches the process starts it again.
        if case .failed = error { throw error }
        context.logger.error("housekeeping failed; it goes on", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Whoever has been here before is expected back, and not offline before the grace is over.
  func remember() async throws {
    var key: [UInt8]? = []
    let head = max(.zero, Self.graceAfterStart - context.offlineAfter).nanoseconds
    while let after = key {
      let page = try await context.store.read { try $0.agents(after: after, limit: Self.agentsPage) }
      let known = page.items.compactMap { agent in
        agent.lastSeen.map { (name: agent.name, session: agent.session, lastSeen: $0) }
      }
      context.sessions.restore(known, uptime: context.clocks.uptime() + head)
      key = page.next
    }
  }

  private static let agentsPage = 1_000

  /// Silence makes an agent offline: that is told, and it moves nothing.
  func expireAgents() async throws {
    let silent = context.sessions.expire(uptime: context.clocks.uptime(), limit: context.offlineAfter.nanoseconds)
    guard !silent.isEmpty else { return }
    let limit = context.offlineAfter
    for agent in silent { context.logger.notice("an agent is offline", metadata: ["agent": "\(agent)"]) }
    try await context.store.write { transaction in
      for agent in silent where try transaction.agent(named: agent) != nil {
        let count = try transaction.subnets(ownedBy: agent).count
        try transaction.record(
          Event(
            .agentOffline, actor: .region, agent: agent,
            message: "\(agent) was silent for \(limit.spoken); it owns \(count) "
              + "\(count == 1 ? "subnet" : "subnets") and keeps serving what it has"))
      }
    }
    // Silence changes no row of the store, so whoever waits for the agent's subnets is told here.
    context.hub.wake(silent.map(Topic.agent))
  }

  /// The wall clock was set: leases and held addresses do not follow it, and must not after a restart.
  func keepClock() async throws {
    let clock = context.store.leaseClock
    guard let jumps = clock.jumpsToKeep else { return }
    context.logger.warning(
      "the wall clock was set; leases and held addresses end as time passes",
      metadata: ["aheadSeconds": "\(jumps / Self.tickNanoseconds)"])
    try await context.store.write { try $0.keep(clockJumps: jumps) }
    clock.keep(jumps: jumps)
  }

  /// Deletes old events, answers to requests, leases and ended holds, in short transactions.
  func trim() async throws {
    let seconds = min(eventsKeep, Self.eventsKeepMax).nanoseconds / 1_000_000_000
    while try await context.store.write({ try $0.trim(eventsKeptSeconds: seconds) }) {}
  }
}
