import Provisioning
import Wire

@testable import Region
@testable import Store

/// A subnet's feed as the store keeps it, reduced to what a cursor can see.
struct ModelFeed {
  struct Row: Equatable {
    var generation: UInt64
    /// 0 is a tombstone.
    var address: UInt32
  }

  var rows: [UInt64: Row] = [:]
  var head: UInt64 = 1
  var headerGeneration: UInt64 = 1
  var collected: UInt64 = 0
  var incarnation = [UInt8](repeating: 1, count: 16)
  var epoch: UInt64 = 1
  /// Rows one read returns; small, so that deltas have several parts.
  var pageRows = 3

  mutating func edit(_ changes: [UInt64: UInt32]) {
    head += 1
    for (mac, address) in changes {
      if address == 0, rows[mac] == nil { continue }
      rows[mac] = Row(generation: head, address: address)
    }
  }

  /// Drops tombstones up to `generation`.
  mutating func collect(upTo generation: UInt64) {
    collected = max(collected, generation)
    rows = rows.filter { $0.value.address != 0 || $0.value.generation > generation }
  }

  var live: [UInt64: UInt32] { rows.filter { $0.value.address != 0 }.mapValues(\.address) }

  var digest: [UInt8] { Self.digest(of: live) }

  static func digest(of live: [UInt64: UInt32]) -> [UInt8] {
    var sum: UInt64 = 0
    for (mac, address) in live { sum &+= (mac &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(address) &* 0xC2B2_AE3D_27D4_EB4F) }
    return (0..<16).map { UInt8(truncatingIfNeeded: sum >> UInt64(($0 % 8) * 8)) }
  }

  func read(_ read: DeltaRead) -> DeltaAnswer {
    guard read.epoch.number == epoch else { return .moved }
    let position = read.position
    if !position.isSnapshot, position.base.number < collected || position.base.number > head { return .onlySnapshot }
    var next = position
    let skipped = (position.skipTombstonesThrough ?? Generation(head)).number
    next.skipTombstonesThrough = Generation(skipped)
    let rest = rows.map { (generation: $0.value.generation, mac: $0.key, address: $0.value.address) }
      .filter { ($0.generation, $0.mac) > (position.generation.number, position.mac) }
      .filter { $0.address != 0 || $0.generation > skipped }
      .sorted { ($0.generation, $0.mac) < ($1.generation, $1.mac) }
    let page = rest.prefix(pageRows)
    if let last = page.last { (next.generation, next.mac) = (Generation(last.generation), last.mac) }
    var part = DeltaPart(
      next: page.count < pageRows ? nil : next, head: Generation(head), digest: digest, incarnation: incarnation)
    for row in page {
      if row.address == 0 {
        part.tombstones.append(MusterV1.Tombstone(mac: row.mac, generation: row.generation))
      } else {
        part.upserts.append(MusterV1.BindingRow(mac: row.mac, address: row.address, generation: row.generation))
      }
    }
    if position.isSnapshot || headerGeneration > position.base.number {
      part.header = MusterV1.Header(generation: headerGeneration)
    }
    return .part(part)
  }
}

/// An agent that believes what it is sent as far as the protocol says, and no further.
struct ModelAgent {
  var mirror: [UInt64: UInt32] = [:]
  var generation: UInt64 = 0
  var applied: UInt64 = 0
  var epoch: UInt64 = 0
  var incarnation: [UInt8] = []
  private var staged: MusterV1.Chunk?
  private var stagedRows: [UInt64: UInt32] = [:]
  /// What was ever visible at a generation.
  private(set) var committed: [(incarnation: [UInt8], generation: UInt64, rows: [UInt64: UInt32])] = []
  /// Something was committed since it last said what it serves.
  private(set) var owesAck = false
  private(set) var deltas = 0
  private(set) var snapshots = 0
  private(set) var rowsReceived = 0

  var digest: [UInt8] { ModelFeed.digest(of: mirror) }

  var have: MusterV1.Have? {
    guard generation > 0 else { return nil }
    return MusterV1.Have(
      dhcpId: 7, incarnation: incarnation, epoch: epoch, generation: generation, applied: applied, digest: digest)
  }

  /// The stream broke: what was staged is gone.
  mutating func disconnect() {
    staged = nil
    stagedRows = [:]
  }

  /// Takes a message and returns the answer, if any.
  mutating func receive(_ message: MusterV1.RegionMessage) -> MusterV1.AgentMessage? {
    switch message.message {
    case .assign(let assign):
      epoch = assign.epoch
      staged = nil
    case .revoke:
      mirror = [:]
      generation = 0
      applied = 0
    case .chunk(let chunk):
      guard chunk.epoch == epoch else { return nil }
      if staged == nil {
        guard chunk.snapshot || chunk.base == generation else { return refuse(.gap) }
        stagedRows = chunk.snapshot ? [:] : mirror
        staged = chunk
      }
      rowsReceived += chunk.upserts.count + chunk.tombstones.count
      for row in chunk.upserts { stagedRows[row.mac] = row.address }
      for row in chunk.tombstones { stagedRows[row.mac] = nil }
    case .commit(let commit):
      guard commit.epoch == epoch, let first = staged else { return nil }
      staged = nil
      guard ModelFeed.digest(of: stagedRows) == commit.digest else { return refuse(.digest) }
      mirror = stagedRows
      generation = commit.to
      incarnation = commit.incarnation
      committed.append((incarnation, generation, mirror))
      owesAck = true
      deltas += 1
      if first.snapshot { snapshots += 1 }
    default:
      break
    }
    return nil
  }

  /// Serves what was received, and says so.
  mutating func apply() -> MusterV1.AgentMessage {
    applied = generation
    owesAck = false
    return MusterV1.AgentMessage(
      message: .applied(MusterV1.Applied(dhcpId: 7, epoch: epoch, generation: generation, digest: digest)))
  }

  private func refuse(_ reason: MusterV1.RefusalReason) -> MusterV1.AgentMessage {
    MusterV1.AgentMessage(
      message: .refused(
        MusterV1.Refused(reason: reason, have: have ?? MusterV1.Have(dhcpId: 7))))
  }
}

/// SplitMix64: the same seed, the same run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
