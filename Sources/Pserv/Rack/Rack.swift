package import Logging
package import Provisioning
internal import Synchronization
internal import Wire

/// What the tasks of one agent share: the mirror, the view of boot answers, what the region is to be told, and the
/// signals by which they wake each other. It is made first, so that the edges can be made with it.
package final class Rack: Sendable {
  package let name: AgentName
  package let mirror: Mirror
  package let view = AppliedView()
  let time: any Timekeeper
  let random: @Sendable () -> UInt64
  let log: Logger

  /// There may be something to say to the region.
  let sayable = Signal()
  /// There may be something to apply.
  let applicable = Signal()
  /// The profiles changed: other files may be wanted.
  let filesWanted = Signal()

  private let state: Mutex<State>

  struct State: Sendable {
    var outbox = Outbox()
    /// The session under way, if there is one.
    var session: SessionMachine?
    var links: RackLinks
    /// Enlistments that this session was told and that are not durable there yet.
    var enlistmentsUnderWay: Set<[UInt8]> = []
    /// When enlistments that the region put off are offered again.
    var enlistmentsAgain: Duration?
    var meter = EnlistmentMeter()
    /// When the oldest commit that is not served yet was received, by subnet.
    var waitingSince: [DHCPSubnetID: Duration] = [:]
    /// Subnets that the region told this agent to leave and that it has not answered for, with the epochs that end them.
    var leaving: [DHCPSubnetID: Epoch] = [:]
    /// Leases of former owners of which more are to come in this session.
    var handed: [DHCPSubnetID: [Lease]] = [:]
    /// Subnets whose feed could not be understood.
    var brokenFeeds: [DHCPSubnetID: Trouble] = [:]
    var warnings: [String] = []
    var region = RegionContact.none
  }

  /// How the agent stands to the region.
  package enum RegionContact: Sendable, Hashable {
    case none
    case connected(String, session: SessionEpoch)
    case lost(String, reason: String)
    /// Another machine has this agent's identity; nothing is written any more.
    case displaced
  }

  package init(
    name: AgentName, mirror: Mirror, links: RackLinks, time: any Timekeeper, random: @escaping @Sendable () -> UInt64,
    log: Logger
  ) {
    self.name = name
    self.mirror = mirror
    self.time = time
    self.random = random
    self.log = log
    state = Mutex(State(links: links))
    let content = mirror.content
    change { state in
      state.outbox.served = content.subnets.compactMapValues { $0.isOwned ? $0.applied : nil }
      state.outbox.knowsTroubles = false
    }
    // Known machines boot from the first moment, whatever the region does.
    view.swap(to: content.appliedState, rejected: content.rejectedBindings, usedUp: content.bootOnceUses)
  }

  /// Never held across a suspension.
  func change<Value>(_ body: (inout State) throws -> sending Value) rethrows -> sending Value {
    try state.withLock { try body(&$0) }
  }

  package var links: RackLinks { change { $0.links } }
  package var contact: RegionContact { change { $0.region } }

  /// Subnets that are not served as they should be, for the health endpoint; ascending.
  package var troubles: [(DHCPSubnetID, Trouble)] {
    change { $0.outbox.troubles }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Why the agent does not do its work, in a sentence; `nil` if it does. A region that is gone is no reason: the rack is
  /// served without it.
  package var obstacle: String? {
    if contact == .displaced { return "another machine has this agent's identity" }
    return troubles.first.map { "subnet \($0.0) is not served: \($0.1.message)" }
  }

  /// Takes the links as they are now. True if they are different.
  func take(_ links: RackLinks) -> Bool {
    let isNew = change { state in
      guard state.links != links else { return false }
      state.links = links
      state.session?.renewNow(now: time.elapsed)
      return true
    }
    if isNew {
      applicable.raise()
      sayable.raise()
    }
    return isNew
  }

  func warn(_ warnings: [String]) {
    change { $0.warnings = warnings }
  }
}

extension Rack: ObservationSink {
  package func record(_ lease: LeaseObservation) {
    change { $0.outbox.observations.add(.lease(lease)) }
    sayable.raise()
  }

  package func record(_ boot: BootObservation) {
    record(boot, bootOnce: 0)
  }

  func record(_ boot: BootObservation, bootOnce: UInt64) {
    change { $0.outbox.observations.add(.boot(boot, bootOnce: bootOnce)) }
    sayable.raise()
  }
}
