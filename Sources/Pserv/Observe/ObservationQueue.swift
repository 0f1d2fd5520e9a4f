internal import Provisioning
package import Wire

/// Observations on their way to the region: a bounded queue that drops the oldest and counts the gap, and one message at
/// a time under way until it is acknowledged. Enlistments are not in it; they stand in the mirror's spool.
package struct ObservationQueue: Sendable {
  /// Observations that wait; at about 100 octets each half a megabyte.
  package static let waitingMax = 4096
  /// Observations in one message.
  package static let messageMax = 512
  /// Enlistments in one message: they may hold 32 MACs and a kilobyte of text each.
  package static let enlistmentsMax = 32

  package enum Observation: Sendable, Hashable {
    case lease(LeaseObservation)
    /// The token of the boot-once that a phone-home used up, or 0.
    case boot(BootObservation, bootOnce: UInt64)
  }

  private var waiting: [Observation] = []
  private var head = 0
  private var dropped: UInt64 = 0
  private var sequence: UInt64 = 0
  private var underWay: UnderWay?

  private struct UnderWay: Sendable {
    var sequence: UInt64
    var observations: [Observation]
    var dropped: UInt64
  }

  package init() {}

  package var count: Int { waiting.count - head }

  /// Whether a phone-home that used up this order to boot once waits to be told.
  package func holds(bootOnce token: UInt64) -> Bool {
    waiting[head...].contains { if case .boot(_, let used) = $0 { used == token } else { false } }
  }

  package mutating func add(_ observation: Observation) {
    waiting.append(observation)
    trim()
  }

  /// The next message, unless one is under way or there is nothing to say.
  package mutating func next(spool: (Int) -> [MusterV1.Enlistment]) -> MusterV1.Observed? {
    guard underWay == nil else { return nil }
    let enlistments = spool(Self.enlistmentsMax)
    let batch = Array(waiting[head...].prefix(Self.messageMax))
    guard !batch.isEmpty || !enlistments.isEmpty || dropped > 0 else { return nil }
    head += batch.count
    compact()
    sequence += 1
    underWay = UnderWay(sequence: sequence, observations: batch, dropped: dropped)
    var message = MusterV1.Observed()
    message.sequence = sequence
    message.dropped = dropped
    message.enlistments = enlistments
    for observation in batch {
      switch observation {
      case .lease(let lease): message.leases.append(MusterV1.LeaseSeen(lease))
      case .boot(let boot, let bootOnce): message.boots.append(MusterV1.BootSeen(boot, bootOnce: bootOnce))
      }
    }
    dropped = 0
    return message
  }

  /// True if `sequence` is the one under way, which is over then.
  package mutating func acknowledge(_ sequence: UInt64) -> Bool {
    guard underWay?.sequence == sequence else { return false }
    underWay = nil
    return true
  }

  /// The session is gone: what was under way may or may not have arrived, and is said again; sequences begin anew.
  package mutating func requeue() {
    if let lost = underWay {
      waiting = lost.observations + waiting[head...]
      head = 0
      dropped += lost.dropped
    }
    underWay = nil
    sequence = 0
    trim()
  }

  private mutating func trim() {
    let excess = count - Self.waitingMax
    guard excess > 0 else { return }
    head += excess
    dropped += UInt64(excess)
    compact()
  }

  private mutating func compact() {
    guard head > Self.waitingMax || head == waiting.count else { return }
    waiting.removeFirst(head)
    head = 0
  }
}

extension MusterV1.LeaseSeen {
  init(_ lease: LeaseObservation) {
    self.init()
    dhcpId = lease.dhcpID.number
    mac = lease.mac.bits
    address = lease.address.bits
    untilNs = lease.until?.nanoseconds ?? 0
  }
}

extension MusterV1.BootSeen {
  init(_ boot: BootObservation, bootOnce: UInt64) {
    self.init()
    dhcpId = boot.dhcpID.number
    mac = boot.mac.bits
    stage = UInt32(boot.stage.rawValue)
    timeNs = boot.time.nanoseconds
    failed = boot.failure != nil
    detail = boot.failure.map { printable($0, octetsMax: 256) } ?? ""
    bootOnceSerial = bootOnce
  }
}
