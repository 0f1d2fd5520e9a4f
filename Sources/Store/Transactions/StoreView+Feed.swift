package import Provisioning

/// Where a reader of a feed stands. It starts with what the agent has and moves with every page.
package struct FeedPosition: Hashable, Sendable {
  /// True if the agent starts from nothing and forgets all that is not in the pages.
  package let isSnapshot: Bool
  /// The generation the agent has; zero with a snapshot.
  package let base: Generation
  var generation: Generation
  var mac: UInt64
  /// A snapshot needs no tombstones, except of rows that ended while it was read.
  var skipTombstonesThrough: Generation?

  /// All that changed after `base`.
  package static func delta(after base: Generation) -> FeedPosition {
    FeedPosition(isSnapshot: false, base: base, generation: base, mac: .max, skipTombstonesThrough: .zero)
  }

  /// All there is.
  package static let snapshot = FeedPosition(
    isSnapshot: true, base: .zero, generation: .zero, mac: .max, skipTombstonesThrough: nil)
}

/// A piece of a feed, with how the subnet stood when it was read.
package struct FeedPage: Hashable, Sendable {
  package var rows: [FeedRow]
  /// The header, if it changed after the position's base. In every page: the last one counts.
  package var header: SubnetHeader?
  package var headerGeneration: Generation
  package var owner: AgentName?
  package var epoch: Epoch
  package var head: Generation
  /// Of all rows and the header at `head`.
  package var digest: SubnetDigest
  package var incarnation: Incarnation
  /// Where to go on; `nil` if this page ends the feed: with it the reader has the whole of `head`.
  package var next: FeedPosition?
}

extension StoreView where Self: ~Copyable {
  /// Reads a piece of a subnet's feed, in the order of generation and MAC.
  ///
  /// Pages may be read in different snapshots. A row that changes between two of them moves to a
  /// higher generation and is met again, so that the last page leaves the reader with exactly the
  /// rows of its head.
  ///
  /// - Returns: `nil` if there is no such subnet, or if rows between the position and now were
  ///   collected or the base is after the head, so that only a snapshot helps.
  package func feed(_ dhcpID: DHCPSubnetID, from position: FeedPosition, limit: Int) throws -> FeedPage? {
    guard let row = try tables.subnet(dhcpID) else { return nil }
    let progress = row.progress
    if !position.isSnapshot {
      guard position.base >= progress.collected, position.base <= progress.head else { return nil }
    }
    var next = position
    next.skipTombstonesThrough = position.skipTombstonesThrough ?? progress.head
    let limit = min(limit, StoreLimits.pageMax)
    let rows = try tables.feedRows(
      dhcpID, after: position.generation, mac: position.mac,
      skippingTombstonesThrough: next.skipTombstonesThrough ?? .zero, limit: limit)
    if let last = rows.last { (next.generation, next.mac) = (last.generation, last.mac.bits) }
    return FeedPage(
      rows: rows,
      header: position.isSnapshot || progress.headerGeneration > position.base ? row.subnet.header : nil,
      headerGeneration: progress.headerGeneration, owner: progress.owner, epoch: progress.epoch,
      head: progress.head, digest: progress.digest, incarnation: try tables.incarnation(),
      next: rows.count < limit ? nil : next)
  }
}
