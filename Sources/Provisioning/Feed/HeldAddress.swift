/// An address that was taken from a machine and is not given to another yet. Kea keeps the old
/// lease and gives a new owner some pool address without a word, and the old machine goes on using
/// the address until its lease ends.
package struct HeldAddress: Hashable, Sendable {
  package var place: SubnetAddress
  /// Who had it; may have it back at once.
  package var mac: MACAddress
  /// The generation that took it away.
  package var generation: Generation
  package var since: Timestamp
  /// True once the subnet's owner acknowledged `generation` or a later one.
  package var isAcknowledged: Bool
  /// When the last known lease of it ends; `nil` if no lease is known.
  package var leaseEnds: Timestamp?

  package init(
    place: SubnetAddress, mac: MACAddress, generation: Generation, since: Timestamp,
    isAcknowledged: Bool = false, leaseEnds: Timestamp? = nil
  ) {
    self.place = place
    self.mac = mac
    self.generation = generation
    self.since = since
    self.isAcknowledged = isAcknowledged
    self.leaseEnds = leaseEnds
  }

  /// True if the address may go to any machine: nobody serves the old binding, and the lease that
  /// it left behind has ended.
  package func isReleased(at now: Timestamp) -> Bool {
    guard isAcknowledged else { return false }
    guard let leaseEnds else { return true }
    return leaseEnds <= now
  }

  /// What an owner knows of the lease of an address it no longer serves.
  package enum LeaseLeft: Hashable, Sendable {
    /// There is none: it ended or was deleted.
    case none
    case until(Timestamp)
    /// Nobody asked it, or its answer was lost: it may have been renewed until just before.
    case unknown(latest: Timestamp)
  }

  /// The subnet's owner applied `applied`. What it says of the lease replaces what was known.
  package mutating func acknowledge(applied: Generation, lease: LeaseLeft) {
    guard applied >= generation else { return }
    isAcknowledged = true
    switch lease {
    case .none: leaseEnds = nil
    case .until(let end): leaseEnds = end
    case .unknown(let latest): leaseEnds = max(leaseEnds ?? latest, latest)
    }
  }

  /// True if a binding's address must be held when it goes: an agent may have given it out.
  /// A subnet that never had an owner was never served.
  package static func isNeeded(epoch: Epoch) -> Bool { epoch > .zero }
}

/// Addresses that left a subnet's pool. Until the owner acknowledges that, it may give them to
/// anybody, so they are reserved for nobody.
package struct RetiredRange: Hashable, Sendable {
  package var range: AddressRange
  /// The generation that took them out of the pool.
  package var generation: Generation
  /// When the last lease the owner can have given ends, if it acknowledged without a word about leases.
  package var leasesEnd: Timestamp?

  /// The most ranges of one subnet that may wait for an acknowledgement.
  package static let countMax = 64

  package init(range: AddressRange, generation: Generation, leasesEnd: Timestamp? = nil) {
    self.range = range
    self.generation = generation
    self.leasesEnd = leasesEnd
  }

  /// True when the addresses may go to anybody.
  package func hasEnded(at now: Timestamp) -> Bool { leasesEnd.map { $0 <= now } ?? false }
}
