internal import Provisioning
internal import RPC
internal import Wire

/// One agent's session as a value: what was agreed, what is owed, what comes next. It knows no clock, store or stream;
/// `SessionShell` asks it for the next step, carries the step out and tells what came of it.
///
/// The writer pulls (`nextStep`), so nothing is computed before there is room to send it: while one chunk is being
/// written, any number of edits only set a flag. The reader pushes (`receive`), and stops while answers pile up.
struct AgentSession: Sendable {
  /// What the writer does next.
  enum Step: Sendable {
    case send(MusterV1.RegionMessage)
    /// Read which subnets the agent owns; then `take(_:Assignments)`.
    case loadAssignments
    /// Read all boot profiles; then `take(_:ProfileSet)`.
    case loadProfiles
    /// Read leases of a subnet that is new to the agent; then `take(_:LeasePart)`.
    case readLeases(LeaseRead)
    /// Read a part of a feed; then `take(_:DeltaAnswer)`.
    case read(DeltaRead)
    /// Nothing to do before a wake, or before this time of `now`'s clock.
    case wait(until: Int64?)
    /// The session is over.
    case end(RPCError)
  }

  /// What the reader has to record before it reads on.
  enum Effect: Sendable {
    case none
    case renew(MusterV1.Renew)
    case applied(MusterV1.Applied, Epoch)
    /// The agent stopped answering for a subnet that it does not own any more.
    case released(DHCPSubnetID, [MusterV1.LeaseLeft])
    /// A part of the leases in a subnet that the agent leaves; `released` follows.
    case left(MusterV1.LeaseSet)
    /// The agent knows of a newer epoch than this session.
    case newerEpoch(DHCPSubnetID, Epoch)
    case healing(DHCPSubnetID, MusterV1.RefusalReason)
    case observed(MusterV1.Observed)
    case trouble(MusterV1.SubnetTrouble)
    case bootFiles(MusterV1.BootFiles)
  }

  let agent: AgentName
  let epoch: SessionEpoch
  private let incarnation: [UInt8]
  /// What Hello said of each subnet; used once, when the subnet is first assigned in this session.
  private var haves: [DHCPSubnetID: MusterV1.Have]
  private var cursors: [DHCPSubnetID: FeedCursor] = [:]
  /// Subnets whose owner still has to be told the leases, before it gets the rows.
  private var leasesOwed: [DHCPSubnetID: LeaseRead] = [:]
  /// What the agent was told to leave in this session, and at which epoch.
  private var revoked: [DHCPSubnetID: Epoch] = [:]
  /// The subnet whose turn is over; the next in order follows, so that a large subnet starves no other.
  private var lastServed: DHCPSubnetID?
  private var outbox: [MusterV1.RegionMessage] = []
  private var outboxHead = 0
  private var mustLoadAssignments = true
  private var knownProfiles: UInt64
  private var mustLoadProfiles = true
  private var lastSequence: UInt64 = 0
  /// Why the session is over.
  private(set) var ending: RPCError?

  /// Messages that wait to be written; the reader pauses at this many.
  static let outboxMax = 64
  /// Subnets one Hello may name.
  static let havesMax = 10_000

  /// - Parameters:
  ///   - claim: The session as it was durably claimed.
  ///   - lease: How long the region believes in the session without a Renew.
  init(hello: MusterV1.Hello, claim: SessionClaim, lease: Duration) {
    agent = claim.agent
    epoch = claim.epoch
    incarnation = claim.incarnation
    haves = Dictionary(hello.have.map { (DHCPSubnetID(number: $0.dhcpId), $0) }) { $1 }
    knownProfiles = hello.profilesRevision
    var welcome = MusterV1.Welcome()
    welcome.sessionEpoch = claim.epoch.number
    welcome.leaseNs = lease.nanoseconds
    welcome.renewNs = lease.nanoseconds / 3
    welcome.incarnation = claim.incarnation
    welcome.protocolVersion = SessionProtocol.version
    outbox = [MusterV1.RegionMessage(message: .welcome(welcome))]
  }

  /// Whether the reader should wait for the writer before it takes another message.
  var isCongested: Bool { outbox.count - outboxHead >= Self.outboxMax }

  /// The subnets assigned in this session.
  var subnets: [DHCPSubnetID] { cursors.keys.sorted() }

  /// The subnets that the agent believes it has, as far as the session knows.
  var claimedSubnets: [DHCPSubnetID] { Set(cursors.keys).union(haves.keys).sorted() }

  // MARK: The writer

  /// - Parameter now: Any clock that does not run backwards, nanoseconds.
  mutating func nextStep(now: Int64) -> Step {
    if let ending { return .end(ending) }
    if outboxHead < outbox.count {
      let message = outbox[outboxHead]
      outboxHead += 1
      if outboxHead == outbox.count {
        outbox = []
        outboxHead = 0
      }
      return .send(message)
    }
    if mustLoadAssignments {
      mustLoadAssignments = false
      return .loadAssignments
    }
    if mustLoadProfiles {
      mustLoadProfiles = false
      return .loadProfiles
    }
    if let id = leasesOwed.keys.min(), let read = leasesOwed[id] { return .readLeases(read) }
    let order = turns()
    for id in order {
      if let read = cursors[id]?.nextRead(now: now) {
        lastServed = id
        return .read(read)
      }
    }
    return .wait(until: order.compactMap { cursors[$0]?.dueTime(now: now) }.min())
  }

  /// The subnets of the agent, beginning behind the one that was served last. One subnet's delta is sent to its end
  /// before another's begins: an agent stages few at a time, and a commit comes as early as it can.
  private func turns() -> [DHCPSubnetID] {
    let ids = cursors.keys.sorted()
    guard let lastServed else { return ids }
    if cursors[lastServed]?.isUnderWay == true { return [lastServed] }
    let split = ids.firstIndex { $0 > lastServed } ?? 0
    return Array(ids[split...] + ids[..<split])
  }

  /// Takes which subnets the agent owns now; what changed becomes Assign and Revoke.
  mutating func take(_ assignments: Assignments) {
    let owned = Dictionary(assignments.owned.map { ($0.dhcpID, $0) }) { $1 }
    for id in Set(cursors.keys).union(haves.keys).union(assignments.leaving.keys).sorted() where owned[id] == nil {
      // Never below what the agent has seen, or it would take the region's word for an old one.
      let held = cursors[id]?.epoch ?? Epoch(haves[id]?.epoch ?? 0)
      let epoch = max(assignments.leaving[id] ?? assignments.lost[id] ?? held, held)
      cursors[id] = nil
      haves[id] = nil
      leasesOwed[id] = nil
      guard revoked[id] != epoch else { continue }
      revoked[id] = epoch
      outbox.append(
        MusterV1.RegionMessage(message: .revoke(MusterV1.Revoke(dhcpId: id.number, epoch: epoch.number))))
    }
    for assignment in assignments.owned.sorted(by: { $0.dhcpID < $1.dhcpID })
    where cursors[assignment.dhcpID]?.epoch != assignment.epoch {
      var assign = MusterV1.Assign()
      assign.dhcpId = assignment.dhcpID.number
      assign.subnet = assignment.subnet.text
      assign.epoch = assignment.epoch.number
      revoked[assignment.dhcpID] = nil
      // What this session already sent at an older epoch is not trusted to have arrived: a snapshot settles it.
      let have = cursors[assignment.dhcpID] == nil ? haves.removeValue(forKey: assignment.dhcpID) : nil
      let cursor = FeedCursor(
        dhcpID: assignment.dhcpID, epoch: assignment.epoch, have: have, incarnation: incarnation)
      cursors[assignment.dhcpID] = cursor
      // Whoever has applied nothing at this epoch does not answer by it yet.
      assign.leasesFollow = cursor.applied == .zero
      leasesOwed[assignment.dhcpID] =
        assign.leasesFollow
        ? LeaseRead(dhcpID: assignment.dhcpID, epoch: assignment.epoch, from: IPv4Address(bits: 0)) : nil
      outbox.append(MusterV1.RegionMessage(message: .assign(assign)))
    }
  }

  /// Takes the leases that a read found.
  mutating func take(_ part: LeasePart, for read: LeaseRead) {
    guard leasesOwed[read.dhcpID] == read else { return }
    var set = MusterV1.LeaseSet()
    set.dhcpId = read.dhcpID.number
    set.epoch = read.epoch.number
    set.leases = Array(part.leases.prefix(LeaseRead.setMax - read.sent))
    leasesOwed[read.dhcpID] = nil
    let sent = read.sent + set.leases.count
    if let next = part.next, sent < LeaseRead.setMax {
      leasesOwed[read.dhcpID] = LeaseRead(dhcpID: read.dhcpID, epoch: read.epoch, from: next, sent: sent)
    } else {
      set.last = true
    }
    outbox.append(MusterV1.RegionMessage(message: .leaseSet(set)))
  }

  mutating func take(_ profiles: MusterV1.ProfileSet) {
    guard profiles.revision != knownProfiles else { return }
    knownProfiles = profiles.revision
    outbox.append(MusterV1.RegionMessage(message: .profileSet(profiles)))
  }

  /// Takes what became of a read.
  mutating func take(_ answer: DeltaAnswer, for read: DeltaRead, now: Int64) {
    guard cursors[read.dhcpID]?.epoch == read.epoch else { return }
    switch answer {
    case .part(let part):
      outbox += cursors[read.dhcpID]?.receive(part, now: now) ?? []
    case .onlySnapshot:
      cursors[read.dhcpID]?.restart()
    case .moved:
      cursors[read.dhcpID]?.abandon()
      mustLoadAssignments = true
    }
  }

  // MARK: Wakes

  mutating func wake(_ topics: Set<Topic>) {
    for topic in topics {
      switch topic {
      case .head(let id): cursors[id]?.wake()
      case .assignments, .agent: mustLoadAssignments = true
      case .profiles: mustLoadProfiles = true
      case .applied, .events, .session: break
      }
    }
  }

  /// Ends the session; the first reason stays.
  mutating func end(_ error: RPCError) {
    ending = ending ?? error
  }

  // MARK: The reader

  /// Takes a message of the agent.
  ///
  /// - Throws: `RPCError` for what no agent of any version sends; the session ends with it.
  mutating func receive(_ message: MusterV1.AgentMessage, now: Int64) throws(RPCError) -> Effect {
    switch message.message {
    case nil, .taskUpdate:
      // A newer agent's message, or an answer to tasks that this region does not give out.
      return .none
    case .hello:
      throw RPCError(.invalidArgument, "Hello is the first message of a session and comes once")
    case .renew(let renew):
      guard renew.sessionEpoch == epoch.number else {
        throw RPCError(.failedPrecondition, "this is session \(epoch), not \(renew.sessionEpoch)")
      }
      return .renew(renew)
    case .applied(let applied):
      return receiveApplied(applied)
    case .leaseSet(let set):
      return cursors[DHCPSubnetID(number: set.dhcpId)] == nil ? .left(set) : .none
    case .refused(let refused):
      return receiveRefused(refused, now: now)
    case .observed(let observed):
      guard observed.sequence > lastSequence else {
        acknowledge(observed.sequence, enlistments: observed.enlistments.map(\.id))
        return .none
      }
      return .observed(observed)
    case .bootFiles(let files):
      return .bootFiles(files)
    case .subnetTrouble(let trouble):
      guard let cursor = cursors[DHCPSubnetID(number: trouble.dhcpId)], cursor.epoch.number == trouble.epoch else {
        return .none
      }
      return .trouble(trouble)
    }
  }

  private mutating func receiveApplied(_ applied: MusterV1.Applied) -> Effect {
    let id = DHCPSubnetID(number: applied.dhcpId)
    if applied.revoked {
      return cursors[id] == nil ? .released(id, applied.leasesLeft) : .none
    }
    let generation = Generation(applied.generation)
    guard let cursor = cursors[id], cursor.epoch.number == applied.epoch, generation <= cursor.received else {
      // Late news of an epoch that is over, or of rows that were never sent: it proves nothing.
      return .none
    }
    guard cursors[id]?.acknowledge(generation, digest: applied.digest) == true else {
      return .healing(id, .digest)
    }
    return .applied(applied, cursor.epoch)
  }

  private mutating func receiveRefused(_ refused: MusterV1.Refused, now: Int64) -> Effect {
    guard let have = refused.have else { return .none }
    let id = DHCPSubnetID(number: have.dhcpId)
    guard cursors[id] != nil else { return .none }
    switch refused.reason {
    case .staleEpoch:
      // Somebody told the agent of a newer epoch than this session knows of.
      mustLoadAssignments = true
      return .newerEpoch(id, Epoch(have.epoch))
    case .gap, .digest, .unspecified, .unrecognized:
      cursors[id]?.refuse(now: now)
      return .healing(id, refused.reason)
    }
  }

  /// The store has other rows than the agent says it applied; it gets a snapshot.
  mutating func heal(_ id: DHCPSubnetID, now: Int64) {
    cursors[id]?.refuse(now: now)
  }

  /// An Observed is durable.
  mutating func acknowledge(_ sequence: UInt64, enlistments: [[UInt8]]) {
    lastSequence = max(lastSequence, sequence)
    var ack = MusterV1.ObservedAck()
    ack.sequence = sequence
    ack.enlistmentIds = enlistments
    outbox.append(MusterV1.RegionMessage(message: .observedAck(ack)))
  }

  /// A Renew was believed.
  mutating func acknowledgeRenewal(timeNanoseconds: Int64) {
    outbox.append(MusterV1.RegionMessage(message: .renewAck(MusterV1.RenewAck(timeNs: timeNanoseconds))))
  }
}

/// A durably claimed session.
struct SessionClaim: Sendable, Hashable {
  var agent: AgentName
  var epoch: SessionEpoch
  /// 16 octets.
  var incarnation: [UInt8]
}

/// Which subnets an agent owns, and at which epochs the others that it asked about ended.
struct Assignments: Sendable, Hashable {
  struct Owned: Sendable, Hashable {
    var dhcpID: DHCPSubnetID
    var subnet: SubnetName
    var epoch: Epoch
  }

  var owned: [Owned] = []
  /// Subnets it still owns and has to leave, with the epoch that ends it: the next owner gets them when it has said
  /// that it stopped.
  var leaving: [DHCPSubnetID: Epoch] = [:]
  /// Current epochs of subnets that somebody else owns; a removed subnet is missing.
  var lost: [DHCPSubnetID: Epoch] = [:]
}

/// Constants of the session protocol.
package enum SessionProtocol {
  package static let version: UInt32 = 1
  /// The oldest version that is still understood.
  package static let versionMin: UInt32 = 1
}
