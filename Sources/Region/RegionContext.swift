package import Logging
package import Provisioning
package import RPC
package import Store

/// What every service of the region gets: the store, the clocks, who is there, and how to be woken.
///
/// A write needs nothing besides `store.write`: the store tells the hub what each commit changed, so that feeds and
/// waiters look again by themselves. Events are recorded in the transaction that causes them
/// (`Transaction.record(_:)`), with `ServerContext.recordedActor` as their actor.
package struct RegionContext: Sendable {
  package let store: any RegionStore
  package let clocks: Clocks
  /// Wakes feeds, `WaitApplied`, `WatchEvents`.
  package let hub: FeedHub
  /// Which agents are there.
  package let sessions: SessionRegistry
  /// How much agents may bring at a time.
  package let caps = AgentCaps()
  /// Machines that were not taken in because they clash with nodes.
  package let conflicts = ConflictBoard()
  package let logger: Logger
  /// When this region started, for status.
  package let started: Timestamp
  /// The program's version.
  package let version: String
  /// How long an agent may be silent before it is offline.
  package let offlineAfter: Duration
  /// Source of secrets and identifiers.
  package let random: @Sendable () -> UInt64

  package init(
    store: any RegionStore, clocks: Clocks, logger: Logger, version: String,
    offlineAfter: Duration = .seconds(15), random: @escaping @Sendable () -> UInt64
  ) {
    self.store = store
    self.clocks = clocks
    self.hub = FeedHub()
    self.sessions = SessionRegistry()
    self.logger = logger
    self.started = clocks.now()
    self.version = version
    self.offlineAfter = offlineAfter
    self.random = random
    store.observe { [hub] notice in hub.publish(notice) }
  }
}

extension ServerContext {
  /// What a change made by this call records as its actor.
  package var recordedActor: Actor {
    switch principal {
    case .local: .local
    case .operators(let name, _): Actor(name)
    case .agent(let name): .agent(name)
    case .anonymous: Actor("anonymous")
    }
  }

  /// The same as a word.
  package var actor: String { recordedActor.text }
}
