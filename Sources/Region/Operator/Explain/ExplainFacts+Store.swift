internal import Provisioning
internal import Store

/// What one look at the store says about a node, for an explanation.
struct ExplainReading: Sendable {
  var node: Node
  var standing: NodeStatusReader.Standing
  var facts: ExplainFacts
  var lease: ObservedLease?
}

extension ExplainReading {
  /// Events of the node that are looked through for failures and sightings.
  private static let eventsMax = 200
  /// Reads of so many until the newest are found: a day of a machine that boots in a loop.
  private static let eventReadsMax = 100

  /// - Throws: `Refusal.unknownNode`, `StoreError`.
  init(_ selector: NodeSelector, now: Timestamp, in snapshot: borrowing Snapshot) throws {
    let node = try selector.find(in: snapshot)
    var statuses = NodeStatusReader()
    let standing = try statuses.standing(of: node, in: snapshot)
    var facts = ExplainFacts(now: now, node: node.name, isNew: node.state == .new)
    facts.bootProfile = node.spec.bootOnce ?? node.spec.bootProfile
    let boots = node.spec.bootInterface
    facts.macs = (boots.map { [$0.mac] } ?? []) + node.interfaces.map(\.mac).filter { $0 != boots?.mac }
    facts.boot = Self.newestBoot(try snapshot.bootReports(of: node.id))
    facts.wasSeen = !facts.boot.isEmpty
    var lease: ObservedLease?
    if let boots, let name = boots.subnet, let row = try statuses.subnet(name, in: snapshot) {
      let key = BindingKey(subnet: row.subnet.dhcpID, mac: boots.mac)
      facts.place = try Self.place(row, boots, standing, in: snapshot)
      facts.serving = Self.serving(row)
      facts.rejection = try snapshot.rejection(key).map { .init(code: $0.code, message: $0.message) }
      if let address = boots.address.fixed {
        let hold = try snapshot.hold(SubnetAddress(subnet: row.subnet.dhcpID, address: address))
        if let hold, hold.mac != boots.mac, !hold.isReleased(at: snapshot.leaseNow) {
          facts.hold = .init(address: address, mac: hold.mac, until: hold.leaseEnds)
        }
      }
      lease = try snapshot.leases(of: key).first
      facts.wasSeen = facts.wasSeen || lease != nil
    }
    let events = try Self.newestEvents(EventFilter(node: node.name, since: Self.since(node, now)), in: snapshot)
    facts.sightings = Self.sightings(events)
    facts.failures = Self.failures(events, like: facts.boot.last { $0.isFailed })
    let image = try snapshot.profile(named: facts.bootProfile)?.spec.kind.image
    if let owner = facts.serving?.agent, let image {
      facts.missingFiles = Self.missing(image, try snapshot.bootFiles(of: owner), lastStep: facts.boot.last)
    }
    self.node = node
    self.standing = standing
    self.facts = facts
    self.lease = lease
  }

  /// Files that the owner reported as missing, or that the machine just failed to get.
  private static func missing(
    _ image: BootImage, _ reported: [BootFile], lastStep: ExplainFacts.BootFact?
  ) -> [ExplainFacts.BootFileFact] {
    let missing = Set(reported.filter { $0.sha256 == nil }.map(\.path))
    let files = [(ExplainFacts.BootFileFact.Role.kernel, image.kernel)] + image.initrds.map { (.initrd, $0) }
    return files.filter { _, path in
      missing.contains(path) || lastStep.map { $0.isFailed && $0.detail.contains(path.text) } == true
    }.map { ExplainFacts.BootFileFact(role: $0, path: $1.text) }
  }

  /// The newest events of the node, oldest first; at most twice `eventsMax`.
  private static func newestEvents(_ filter: EventFilter, in snapshot: borrowing Snapshot) throws -> [Event] {
    var newest: [Event] = []
    var cursor: UInt64 = 0
    for _ in 0..<eventReadsMax {
      let page = try snapshot.events(filter, after: cursor, limit: eventsMax)
      newest = newest.suffix(eventsMax) + page.events
      guard page.next > cursor, page.events.count == eventsMax else { break }
      cursor = page.next
    }
    return newest
  }

  /// What happened before the node was last changed, or more than a day ago, explains nothing.
  private static func since(_ node: Node, _ now: Timestamp) -> Timestamp {
    max(node.updated, now.advanced(bySeconds: -ExplainFacts.sightingAgeMaxSeconds))
  }

  /// The steps since the newest discover: those before it belong to an earlier boot.
  private static func newestBoot(_ reports: [BootReport]) -> [ExplainFacts.BootFact] {
    let begin = reports.first { $0.stage == .discover }?.time
    return reports.filter { begin == nil || $0.time >= begin! }.sorted { ($0.time, $0.stage) < ($1.time, $1.stage) }.map {
      ExplainFacts.BootFact(stage: $0.stage, time: $0.time, isFailed: !$0.succeeded, detail: $0.detail.text)
    }
  }

  private static func place(
    _ row: SubnetRow, _ interface: NetworkInterface, _ standing: NodeStatusReader.Standing,
    in snapshot: borrowing Snapshot
  ) throws -> ExplainFacts.Place {
    let spec = row.subnet.spec
    return ExplainFacts.Place(
      subnet: spec.name, address: interface.address.fixed, vlan: spec.vlan.map { Int($0) },
      generation: standing.generation, isDHCPEnabled: spec.isDHCPOn, poolSize: UInt64(spec.pool.count),
      poolUsed: UInt64(try snapshot.poolUse(of: row.subnet)), agents: spec.agents)
  }

  /// As far as the store knows; whether the owner is there is added by `sessions`.
  private static func serving(_ row: SubnetRow) -> ExplainFacts.Serving? {
    row.progress.owner.map { owner in
      ExplainFacts.Serving(
        agent: owner, applied: row.progress.applied,
        trouble: row.progress.trouble.map { .init(code: $0.code, message: $0.message) })
    }
  }

  private static func sightings(_ events: [Event]) -> [ExplainFacts.Sighting] {
    let seen = events.filter { $0.kind.isSighting }.reversed().compactMap { event -> ExplainFacts.Sighting? in
      guard let mac = event.mac, let subnet = event.subnet, let agent = event.agent else { return nil }
      return ExplainFacts.Sighting(mac: mac, subnet: subnet, agent: agent, time: event.time)
    }
    // The newest of each MAC says where its cable is now.
    var known: Set<MACAddress> = []
    return seen.filter { known.insert($0.mac).inserted }
  }

  private static func failures(_ events: [Event], like last: ExplainFacts.BootFact?) -> Int {
    guard let last, !last.detail.isEmpty else { return last == nil ? 0 : 1 }
    return max(1, events.count { $0.message.contains(last.detail) })
  }
}

extension EventKind {
  /// Said by an agent that heard the machine in one of its subnets.
  fileprivate var isSighting: Bool { self == .leaseGiven || BootStage.allCases.contains { .boot($0) == self } }
}

extension ExplainFacts {
  /// Adds what only the sessions know: whether the owner is there, and where it has its files.
  mutating func add(_ sessions: SessionRegistry) {
    guard let owner = serving?.agent else { return }
    let presence = sessions.presence(of: owner)
    serving?.isOnline = presence?.isOnline ?? false
    serving?.lastSeen = presence?.lastSeen
    if let root = sessions.bootRoot(of: owner) { serving?.bootRoot = root }
  }
}
