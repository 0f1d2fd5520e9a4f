internal import Provisioning
internal import Store
internal import Wire

/// Where one agent stands in one subnet's feed, and what it is sent next.
///
/// What an agent lacks is state, not a log: "rows above the generation it has". So the cursor remembers a position and
/// never a queue; edits that arrive while a delta is under way are part of the next one, or of this one's last chunk.
struct FeedCursor: Sendable {
  let dhcpID: DHCPSubnetID
  let epoch: Epoch

  /// The newest generation committed to the agent; the base of the next delta.
  private(set) var received: Generation
  private(set) var applied: Generation
  /// The store may have moved on since the last read.
  private var isBehind = true
  /// The agent's rows cannot be built upon.
  private var needsSnapshot: Bool
  /// Even a delta without rows is sent: the agent acknowledges its generation at this epoch for the first time.
  private var owesCommit: Bool
  /// What the agent said its rows sum up to; compared once, when nothing newer says it.
  private var claimedDigest: [UInt8]?
  private var delta: Delta?
  /// Commits on their way that the agent has not acknowledged, oldest first.
  private var unapplied: [SentCommit] = []
  private var refusals = 0
  /// Nothing is sent before this time, nanoseconds.
  private var quietUntil: Int64 = .min

  private struct Delta {
    var position: FeedPosition
    var chunksSent = 0
  }

  private struct SentCommit {
    var to: Generation
    var digest: [UInt8]
  }

  /// Commits that may be under way before the region gathers instead: one being applied, one waiting its turn.
  static let unappliedMax = 2
  /// The longest gathering while an agent does not acknowledge, nanoseconds. It is not for ever because the next
  /// change may be the cure of what the agent cannot apply.
  static let gatherNanoseconds: Int64 = 1_000_000_000
  /// The wait after the second refusal in a row; doubles with each, up to `refusalWaitMax`. Nanoseconds.
  static let refusalWait: Int64 = 250_000_000
  static let refusalWaitMax: Int64 = 60_000_000_000

  /// - Parameters:
  ///   - have: What the agent said in Hello that it holds; nil for nothing.
  ///   - incarnation: The store's; rows of another life of the database are worth nothing.
  init(dhcpID: DHCPSubnetID, epoch: Epoch, have: MusterV1.Have?, incarnation: [UInt8]) {
    self.dhcpID = dhcpID
    self.epoch = epoch
    if let have, have.incarnation == incarnation, have.generation > 0 {
      received = Generation(have.generation)
      applied = have.epoch == epoch.number ? Generation(min(have.applied, have.generation)) : .zero
      needsSnapshot = false
      claimedDigest = have.digest
    } else {
      received = .zero
      applied = .zero
      needsSnapshot = true
    }
    owesCommit = applied < received || received == .zero
  }

  /// The head may have moved.
  mutating func wake() {
    isBehind = true
  }

  /// The next read this feed needs, if its turn has come.
  ///
  /// - Parameter now: Any clock that does not run backwards, nanoseconds.
  mutating func nextRead(now: Int64) -> DeltaRead? {
    if delta == nil {
      guard isBehind || needsSnapshot, now >= quietUntil else { return nil }
      delta = Delta(position: needsSnapshot ? .snapshot : .delta(after: received))
    }
    guard let delta else { return nil }
    isBehind = false
    return DeltaRead(dhcpID: dhcpID, epoch: epoch, position: delta.position)
  }

  /// Some of a delta is sent and the rest is still to be read.
  var isUnderWay: Bool { delta != nil }

  /// Forgets the delta under way: the subnet has another owner or is gone.
  mutating func abandon() {
    delta = nil
    isBehind = true
  }

  /// When `nextRead` may answer although it does not now; nil when only a wake changes that.
  func dueTime(now: Int64) -> Int64? {
    delta == nil && (isBehind || needsSnapshot) && quietUntil > now ? quietUntil : nil
  }

  /// Takes what a read found and returns what goes to the agent.
  mutating func receive(_ part: DeltaPart, now: Int64) -> [MusterV1.RegionMessage] {
    guard var current = delta else { return [] }
    let isSnapshot = current.position.isSnapshot
    let isEmpty = part.upserts.isEmpty && part.tombstones.isEmpty && part.header == nil
    if isEmpty, part.next == nil, !isSnapshot, current.chunksSent == 0, part.head == received {
      if let claimedDigest, claimedDigest != part.digest {
        restart()
        return []
      }
      if !owesCommit {
        delta = nil
        claimedDigest = nil
        return []
      }
    }
    var messages: [MusterV1.RegionMessage] = []
    if !isEmpty || current.chunksSent == 0 {
      messages.append(chunk(part, of: current.position))
      current.chunksSent += 1
    }
    guard let next = part.next else {
      messages.append(finish(part, now: now))
      return messages
    }
    current.position = next
    delta = current
    return messages
  }

  /// The store cannot go on from the position: rows were collected, or the agent is ahead of the head.
  mutating func restart() {
    delta = nil
    needsSnapshot = true
  }

  /// The agent acknowledged a generation at this epoch.
  ///
  /// - Returns: Whether its rows are the ones that were sent; false makes the next delta a snapshot.
  mutating func acknowledge(_ generation: Generation, digest: [UInt8]) -> Bool {
    let sent = unapplied.last { $0.to == generation }
    unapplied.removeAll { $0.to <= generation }
    applied = max(applied, generation)
    if unapplied.count < Self.unappliedMax, refusals == 0 { quietUntil = .min }
    if let sent, sent.digest != digest {
      needsSnapshot = true
      return false
    }
    if sent != nil {
      refusals = 0
      quietUntil = .min
    }
    return true
  }

  /// The agent could not take a delta; it gets a snapshot, later and later if it refuses again and again.
  mutating func refuse(now: Int64) {
    delta = nil
    needsSnapshot = true
    unapplied = []
    if refusals > 0 {
      let wait = min(Self.refusalWaitMax, Self.refusalWait << min(Int64(refusals), 16))
      quietUntil = now + wait
    }
    refusals += 1
  }

  private func chunk(_ part: DeltaPart, of position: FeedPosition) -> MusterV1.RegionMessage {
    var chunk = MusterV1.Chunk()
    chunk.dhcpId = dhcpID.number
    chunk.epoch = epoch.number
    chunk.base = position.base.number
    chunk.to = part.head.number
    chunk.snapshot = position.isSnapshot
    chunk.header = part.header
    chunk.upserts = part.upserts
    chunk.tombstones = part.tombstones
    return .chunk(chunk)
  }

  private mutating func finish(_ part: DeltaPart, now: Int64) -> MusterV1.RegionMessage {
    var commit = MusterV1.Commit()
    commit.dhcpId = dhcpID.number
    commit.epoch = epoch.number
    commit.to = part.head.number
    commit.digest = part.digest
    commit.incarnation = part.incarnation
    received = part.head
    needsSnapshot = false
    owesCommit = false
    claimedDigest = nil
    delta = nil
    unapplied.append(SentCommit(to: part.head, digest: part.digest))
    if unapplied.count >= Self.unappliedMax { quietUntil = max(quietUntil, now + Self.gatherNanoseconds) }
    if unapplied.count > Self.unappliedMax { unapplied.removeFirst() }
    return .commit(commit)
  }
}

/// One short read of a feed.
struct DeltaRead: Sendable, Hashable {
  var dhcpID: DHCPSubnetID
  var epoch: Epoch
  var position: FeedPosition
}

/// What became of a read.
enum DeltaAnswer: Sendable {
  case part(DeltaPart)
  /// Only a snapshot helps from here.
  case onlySnapshot
  /// The subnet is gone, or somebody else's.
  case moved
}

/// What one read found, in the wire's words. The head, the digest and the rows are of one moment.
struct DeltaPart: Sendable {
  /// Set when it changed after the position's base.
  var header: MusterV1.Header?
  var upserts: [MusterV1.BindingRow] = []
  var tombstones: [MusterV1.Tombstone] = []
  /// Where the next read begins; nil when this part reaches `head`.
  var next: FeedPosition?
  var head: Generation
  /// 16 octets.
  var digest: [UInt8]
  var incarnation: [UInt8]
}

extension MusterV1.RegionMessage {
  static func chunk(_ chunk: MusterV1.Chunk) -> Self { Self(message: .chunk(chunk)) }
  static func commit(_ commit: MusterV1.Commit) -> Self { Self(message: .commit(commit)) }
}
