package import Provisioning

/// A part of a delta as the region sends it.
package struct FeedChunk: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var epoch: Epoch
  /// The agent's generation that the delta builds on; zero with a snapshot.
  package var base: Generation
  package var to: Generation
  /// Rows that the whole delta does not name are gone.
  package var isSnapshot: Bool
  package var header: SubnetHeader?
  package var headerGeneration: Generation
  /// At most one a MAC; without a binding it is a tombstone.
  package var rows: [FeedRow]

  package init(
    dhcpID: DHCPSubnetID, epoch: Epoch, base: Generation, to: Generation, isSnapshot: Bool = false,
    header: SubnetHeader? = nil, headerGeneration: Generation = .zero, rows: [FeedRow] = []
  ) {
    self.dhcpID = dhcpID
    self.epoch = epoch
    self.base = base
    self.to = to
    self.isSnapshot = isSnapshot
    self.header = header
    self.headerGeneration = headerGeneration
    self.rows = rows
  }
}

/// The end of a delta: what the rows must sum up to.
package struct FeedCommit: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var epoch: Epoch
  package var to: Generation
  package var digest: SubnetDigest
  package var incarnation: [UInt8]

  package init(
    dhcpID: DHCPSubnetID, epoch: Epoch, to: Generation, digest: SubnetDigest, incarnation: [UInt8]
  ) {
    self.dhcpID = dhcpID
    self.epoch = epoch
    self.to = to
    self.digest = digest
    self.incarnation = incarnation
  }
}

/// Why a chunk or commit was refused. Nothing of it is kept.
package enum FeedRefusal: Error, Sendable, Hashable {
  /// The delta builds on something the agent does not have.
  case gap
  /// A newer owner is known, or the subnet was never assigned here.
  case staleEpoch
  /// The rows do not sum up; the agent wants a snapshot.
  case digest
}

/// Chunks that wait for their commit. They live in memory only: a delta is staged by one session and ends with it, so
/// there is nothing for a crash to preserve and no way for half a delta to be seen after one.
package struct StagedFeed: Sendable, Hashable {
  package private(set) var epoch: Epoch
  package private(set) var base: Generation
  package private(set) var to: Generation
  package private(set) var isSnapshot: Bool
  package private(set) var header: SubnetHeader?
  package private(set) var headerGeneration: Generation
  /// The last word on each MAC: a row may change again while the delta is read.
  package private(set) var changes: [MACAddress: Binding?]
  /// Some chunk could not be understood, so the delta cannot be complete.
  package var isBroken = false

  /// Rows of one delta; more than Kea can serve on one link by far.
  package static let rowsMax = 1_000_000

  fileprivate init(_ chunk: FeedChunk) {
    epoch = chunk.epoch
    base = chunk.base
    to = chunk.to
    isSnapshot = chunk.isSnapshot
    header = nil
    headerGeneration = .zero
    changes = [:]
    add(chunk)
  }

  fileprivate mutating func add(_ chunk: FeedChunk) {
    to = max(to, chunk.to)
    if let header = chunk.header {
      self.header = header
      headerGeneration = chunk.headerGeneration
    }
    for row in chunk.rows { changes.updateValue(row.binding, forKey: row.mac) }
  }
}

extension MirroredSubnet {
  /// Adds a chunk to what is staged.
  ///
  /// A chunk that was already staged changes nothing. One that starts a new delta drops the old one, which then can no
  /// longer be committed.
  package func stage(_ chunk: FeedChunk, into staged: inout StagedFeed?) throws(FeedRefusal) {
    guard isOwned, chunk.epoch == epochMax else {
      staged = nil
      throw .staleEpoch
    }
    if var current = staged, continues(chunk, current) {
      current.add(chunk)
      staged = current
    } else {
      guard chunk.isSnapshot || chunk.base == received.generation else {
        staged = nil
        throw .gap
      }
      staged = StagedFeed(chunk)
    }
    guard (staged?.changes.count ?? 0) <= StagedFeed.rowsMax else {
      staged = nil
      throw .gap
    }
  }

  private func continues(_ chunk: FeedChunk, _ current: StagedFeed) -> Bool {
    guard chunk.epoch == current.epoch, chunk.isSnapshot == current.isSnapshot else { return false }
    return chunk.isSnapshot || chunk.base == current.base
  }

  /// The feed after `commit`, and what it changes. Nothing is changed here: the caller makes it durable first.
  package func committing(
    _ commit: FeedCommit, staged: StagedFeed?
  ) throws(FeedRefusal) -> (feed: ReceivedFeed, changes: BindingChanges) {
    guard isOwned, commit.epoch == epochMax else { throw .staleEpoch }
    if let staged {
      guard !staged.isBroken else { throw .digest }
      guard staged.to <= commit.to, staged.isSnapshot || staged.base == received.generation else { throw .gap }
    }
    let isSnapshot = staged?.isSnapshot ?? false
    // Generations only grow within one life of the region's database. A restored one may be behind us; then only a
    // snapshot of it can take us back.
    let isOtherLife = !received.incarnation.isEmpty && received.incarnation != commit.incarnation
    guard commit.to >= received.generation || (isSnapshot && isOtherLife) else { throw .gap }

    var next = received
    if isSnapshot { (next.bindings, next.digest, next.header) = ([], .zero, nil) }
    if let header = staged?.header {
      guard header.dhcpID == dhcpID else { throw .digest }
      if let old = next.header { next.digest.remove(RowHash(old)) }
      next.header = header
      next.headerGeneration = staged?.headerGeneration ?? .zero
      next.digest.insert(RowHash(header))
    }
    var changes = merge(staged?.changes ?? [:], into: &next.bindings, digest: &next.digest)
    guard next.header != nil, next.digest == commit.digest else { throw .digest }
    if isSnapshot { changes = BindingChanges(from: received.bindings, to: next.bindings) }
    next.generation = commit.to
    next.incarnation = commit.incarnation
    return (next, changes)
  }
}
