package import Provisioning

/// Where the region keeps its desired state: durable, with one order of changes.
///
/// Everything above works on `Transaction` and `Snapshot`; which engine carries them out is known to
/// the entry point alone.
package protocol RegionStore: Sendable {
  /// When leases and held addresses end; whoever watches over it has what it says kept (`Transaction.keep(clockJumps:)`).
  var leaseClock: LeaseClock { get }

  /// Runs `body` in a transaction of its own and returns once what it wrote survives power loss.
  ///
  /// Transactions run one after the other. Several that wait share one commit, and each is still all
  /// or nothing by itself: what `body` throws undoes its own writes only. `body` must touch nothing
  /// but the transaction, for it may run on any thread; it is not cancelled once it was accepted,
  /// since its outcome would be unknown.
  ///
  /// - Throws: What `body` throws, `StoreError` if the engine cannot, and `StoreError.busy` without
  ///   running `body` if too many wait.
  func write<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Value

  /// Runs `body` like `write`, returns what it returns, and undoes everything: a dry run.
  func rehearse<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Value

  /// Runs `body` on one state of the store: all it reads is from between the same two commits. It
  /// waits for no writer.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (borrowing Snapshot) throws -> Value
  ) async throws -> Value

  /// Has `observer` called after each commit, before those who wrote are answered. It runs on the
  /// writer's thread: it must be quick and must not call the store.
  func observe(_ observer: @escaping @Sendable (CommitNotice) -> Void)

  /// Writes a copy of the store, as of now, to a file that does not exist. A store opened from it is
  /// a new incarnation.
  func backUp(to path: String) async throws

  /// Checks that the store's own structure is sound.
  ///
  /// - Throws: `StoreError.corrupt`.
  func checkIntegrity() async throws

  /// Finishes what was accepted, refuses the rest, and lets go of the data directory.
  func close() async
}

/// What one commit changed, for whoever waits for it. It carries no rows: who is woken looks again.
package struct CommitNotice: Sendable, Hashable {
  /// Subnets whose feed has a new head, with that head.
  package var heads: [DHCPSubnetID: Generation] = [:]
  /// Subnets whose applied generation, rejections, trouble or owner changed.
  package var progress: Set<DHCPSubnetID> = []
  /// Agents whose set of subnets changed.
  package var assignments: Set<AgentName> = []
  /// Agents that were added, changed or removed.
  package var agents: Set<AgentName> = []
  /// True if a boot profile changed.
  package var profiles = false
  /// True if events were recorded.
  package var events = false
  /// True if more changed than is worth listing: look at everything.
  package var isEverything = false

  /// The most subnets one notice lists.
  package static let subnetsMax = 65_536

  package init() {}

  package var isEmpty: Bool { self == CommitNotice() }

  /// Joins the notice of a later transaction to this one.
  package mutating func merge(_ later: CommitNotice) {
    heads.merge(later.heads) { max($0, $1) }
    progress.formUnion(later.progress)
    assignments.formUnion(later.assignments)
    agents.formUnion(later.agents)
    profiles = profiles || later.profiles
    events = events || later.events
    isEverything = isEverything || later.isEverything
    if heads.count > Self.subnetsMax {
      heads = [:]
      isEverything = true
    }
  }
}
