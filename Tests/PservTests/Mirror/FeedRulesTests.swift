import Provisioning
import Testing

@testable import Pserv

/// What a delta must be to be taken.
struct FeedRulesTests {
  private let scratch = Scratch()

  private func mirror(_ feed: inout SampleFeed, _ bindings: [Binding]) throws -> Mirror {
    let mirror = try scratch.mirror()
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: feed.epoch))
    let (chunk, commit) = feed.put(bindings)
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    return mirror
  }

  @Test func aSnapshotIsTakenWhole() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(2), Sample.binding(1)])
    let received = try #require(mirror.content.subnets[feed.dhcpID]?.received)
    #expect(received.bindings.map(\.mac) == [Sample.mac(1), Sample.mac(2)])
    #expect(received.digest == feed.digest)
    #expect(received.generation == Generation(1))
  }

  @Test func halfADeltaIsNeverSeen() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    let before = mirror.content
    let (chunk, _) = feed.put([Sample.binding(2)])
    try mirror.stage(chunk)
    #expect(mirror.content == before)
    mirror.dropStaged()
    #expect(try mirror.commit(feed.commit) == .digest)
    #expect(mirror.content == before)
  }

  @Test func aChunkThatComesTwiceChangesNothing() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    let (chunk, commit) = feed.put([Sample.binding(2)], removing: [Sample.mac(1)])
    try mirror.stage(chunk)
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    #expect(mirror.content.subnets[feed.dhcpID]?.received.bindings == [Sample.binding(2)])
  }

  @Test func theLastWordOnAMACInADeltaCounts() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    var (first, _) = feed.put([Sample.binding(2)])
    let base = first.base
    try mirror.stage(first)
    (first, _) = feed.put([], removing: [Sample.mac(2)])
    first.base = base
    try mirror.stage(first)
    #expect(try mirror.commit(feed.commit) == nil)
    #expect(mirror.content.subnets[feed.dhcpID]?.received.bindings == [Sample.binding(1)])
  }

  @Test func aDeltaOnAnotherBaseIsAGap() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    _ = feed.put([Sample.binding(2)])
    let (late, _) = feed.put([Sample.binding(3)])
    #expect(throws: FeedRefusal.gap) { try mirror.stage(late) }
    #expect(mirror.content.subnets[feed.dhcpID]?.received.generation == Generation(1))
  }

  @Test func aWrongDigestIsRefusedAndNothingChanges() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    let before = mirror.content
    var (chunk, commit) = feed.put([Sample.binding(2)])
    chunk.rows = []
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == .digest)
    #expect(mirror.content == before)
    commit = feed.commit
    try mirror.stage(feed.snapshot)
    #expect(try mirror.commit(commit) == nil)
    #expect(mirror.content.subnets[feed.dhcpID]?.received.digest == feed.digest)
  }

  @Test func aSnapshotRemovesWhatItDoesNotName() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1), Sample.binding(2)])
    _ = feed.put([], removing: [Sample.mac(2)])
    try mirror.stage(feed.snapshot)
    #expect(try mirror.commit(feed.commit) == nil)
    let again = try scratch.mirror()
    #expect(again.content.subnets[feed.dhcpID]?.received.bindings == [Sample.binding(1)])
  }

  @Test func anOlderEpochIsRefusedForEver() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(5)))
    #expect(try !mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(4)))
    let (chunk, commit) = feed.put([Sample.binding(2)])
    #expect(throws: FeedRefusal.staleEpoch) { try mirror.stage(chunk) }
    #expect(try mirror.commit(commit) == .staleEpoch)
    let again = try scratch.mirror()
    #expect(try !again.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(4)))
    #expect(throws: FeedRefusal.staleEpoch) { try again.stage(chunk) }
  }

  @Test func aRevokedEpochDoesNotComeBack() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    #expect(try mirror.revoke(feed.dhcpID, epoch: Epoch(2)))
    #expect(try !mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(2)))
    #expect(try !mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(1)))
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(3)))
  }

  @Test func aRestoredRegionIsFollowedBackByASnapshotOnly() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    for number in 2...4 {
      let (chunk, commit) = feed.put([Sample.binding(number)])
      try mirror.stage(chunk)
      #expect(try mirror.commit(commit) == nil)
    }
    var restored = SampleFeed()
    _ = restored.put([Sample.binding(1)])
    let other = [UInt8](repeating: 9, count: 16)
    var commit = restored.commit
    #expect(try mirror.commit(commit) == .gap)
    try mirror.stage(restored.snapshot)
    #expect(try mirror.commit(commit) == .gap)
    commit.incarnation = other
    try mirror.stage(restored.snapshot)
    #expect(try mirror.commit(commit) == nil)
    #expect(mirror.content.subnets[feed.dhcpID]?.received.generation == Generation(1))
    #expect(mirror.content.subnets[feed.dhcpID]?.received.incarnation == other)
  }

  @Test func aCommitWithoutRowsMovesTheGeneration() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    _ = feed.put()
    #expect(try mirror.commit(feed.commit) == nil)
    #expect(mirror.content.subnets[feed.dhcpID]?.received.generation == Generation(2))
  }

  @Test func aBrokenChunkFailsItsCommit() throws {
    var feed = SampleFeed()
    let mirror = try mirror(&feed, [Sample.binding(1)])
    let (chunk, commit) = feed.put([Sample.binding(2)])
    try mirror.stage(chunk)
    mirror.breakStaged(feed.dhcpID)
    #expect(try mirror.commit(commit) == .digest)
  }

  @Test func mergedChangesKeepOrderAndDigest() {
    var generator = SystemRandomNumberGenerator()
    var bindings: [Binding] = []
    var digest = SubnetDigest(header: Sample.header(), bindings: [])
    for _ in 0..<200 {
      var changes: [MACAddress: Binding?] = [:]
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        let number = Int.random(in: 1...20, using: &generator)
        let isRemoval = Bool.random(using: &generator)
        changes.updateValue(
          isRemoval ? nil : Sample.binding(number, address: Sample.address(Int.random(in: 1...500, using: &generator))),
          forKey: Sample.mac(number))
      }
      let before = bindings
      let difference = merge(changes, into: &bindings, digest: &digest)
      #expect(bindings.map(\.mac) == bindings.map(\.mac).sorted())
      #expect(digest == SubnetDigest(header: Sample.header(), bindings: bindings))
      #expect(difference == BindingChanges(from: before, to: bindings))
    }
  }
}
