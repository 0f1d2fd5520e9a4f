import Provisioning
import Testing
import Wire

@testable import Region

@Suite struct FeedConvergenceTests {
  @Test func aFreshAgentGetsEverything() throws {
    var link = ModelLink()
    link.edit([1: 10, 2: 20, 3: 30, 4: 40, 5: 50])
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.recorded == link.feed.head)
    #expect(link.agent.snapshots == 1)
  }

  @Test func aThousandEditsWhileOneDeltaIsUnderWayAreFewDeltas() throws {
    var link = ModelLink()
    try link.settle()
    let before = link.agent.deltas
    for edit in 0..<1_000 {
      link.edit([UInt64(edit % 300 + 1): UInt32(edit + 1)])
      // The region's writer is asked after every edit, the agent applies nothing meanwhile.
      _ = link.stepRegion()
    }
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.deltas - before <= 4)
  }

  @Test func anIdleAgentIsSentNothing() throws {
    var link = ModelLink()
    link.edit([1: 10])
    try link.settle()
    let deltas = link.agent.deltas
    link.session.wake([.head(ModelLink.id)])
    try link.settle()
    link.reconnect()
    try link.settle()
    #expect(link.agent.deltas == deltas)
  }

  @Test func anAgentThatComesBackGetsOnlyTheCollapsedDifference() throws {
    var link = ModelLink()
    link.edit(Dictionary(uniqueKeysWithValues: (1...50).map { ($0, UInt32($0)) }))
    try link.settle()
    let rows = link.agent.rowsReceived
    for round in 0..<20 { link.feed.edit([3: UInt32(1_000 + round), 4: 0]) }
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.rowsReceived - rows == 2)
    #expect(link.agent.snapshots == 1)
  }

  @Test func aLostAckIsMadeGoodByHello() throws {
    var link = ModelLink()
    link.edit([1: 10])
    while link.stepRegion() || link.deliverToAgent() {}
    _ = link.agent.apply()
    #expect(link.recorded == 0)
    link.reconnect()
    try link.settle()
    #expect(link.recorded == link.feed.head)
  }

  @Test func aDigestMismatchHealsByASnapshot() throws {
    var link = ModelLink()
    link.edit([1: 10, 2: 20])
    try link.settle()
    link.agent.mirror[2] = 99
    link.edit([3: 30])
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.healings == 1)
    #expect(link.agent.snapshots == 2)
  }

  @Test func rowsThatRottedWhileIdleHealAtTheNextHello() throws {
    var link = ModelLink()
    link.edit([1: 10, 2: 20])
    try link.settle()
    link.agent.mirror[2] = 99
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.snapshots == 2)
  }

  @Test func aRestoredDatabaseSendsASnapshot() throws {
    var link = ModelLink()
    link.edit([1: 10])
    let backup = link.feed
    link.edit([1: 11, 2: 20])
    try link.settle()
    link.feed = backup
    link.feed.incarnation = [UInt8](repeating: 2, count: 16)
    link.reconnect()
    link.edit([5: 50])
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.generation == link.feed.head)
    #expect(link.agent.snapshots == 2)
  }

  @Test func anAgentAheadOfTheHeadGetsASnapshot() throws {
    var link = ModelLink()
    link.edit([1: 10])
    try link.settle()
    link.agent.generation += 5
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.generation == link.feed.head)
  }

  @Test func anAgentOlderThanTheCollectedTombstonesGetsASnapshot() throws {
    var link = ModelLink()
    link.edit([1: 10, 2: 20])
    try link.settle()
    link.feed.edit([2: 0])
    link.feed.edit([3: 30])
    link.feed.collect(upTo: link.feed.head)
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.snapshots == 2)
  }

  @Test func aHalfDeltaIsNeverVisible() throws {
    var link = ModelLink()
    var rows = Dictionary(uniqueKeysWithValues: (1...9).map { (UInt64($0), UInt32($0)) })
    link.edit(rows)
    try link.settle()
    let before = link.agent.mirror
    rows = rows.mapValues { $0 + 100 }
    link.edit(rows)
    // Two of three chunks arrive, then the stream breaks.
    while link.toAgent.count < 2, link.stepRegion() {}
    while link.deliverToAgent() {}
    #expect(link.agent.mirror == before)
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
  }

  @Test func anAckOfAStaleEpochIsIgnored() throws {
    var link = ModelLink()
    link.edit([1: 10])
    while link.stepRegion() || link.deliverToAgent() {}
    let late = link.agent.apply()
    link.feed.epoch = 2
    link.session.wake([.assignments("rack1")])
    while link.stepRegion() {}
    link.toRegion.append(late)
    while try link.deliverToRegion() {}
    #expect(link.recorded == 0)
    try link.settle()
    #expect(link.recorded == link.feed.head)
  }

  @Test func anAckOfRowsThatWereNeverSentIsIgnored() throws {
    var link = ModelLink()
    try link.settle()
    let applied = MusterV1.Applied(dhcpId: 7, epoch: 1, generation: 1_000)
    let effect = try link.session.receive(MusterV1.AgentMessage(message: .applied(applied)), now: 0)
    guard case .none = effect else {
      Issue.record("an impossible acknowledgement had an effect")
      return
    }
  }

  @Test func aChangeReachesAnAgentThatCannotApply() throws {
    var link = ModelLink()
    for round in 0..<10 {
      link.edit([1: UInt32(round + 1)])
      while link.stepRegion() || link.deliverToAgent() {}
      if case .wait(let until?) = link.session.nextStep(now: link.now) { link.now = until }
    }
    while link.stepRegion() || link.deliverToAgent() {}
    #expect(link.agent.applied == 0)
    #expect(link.agent.mirror == link.feed.live)
  }

  @Test func repeatedRefusalsAreSpacedOut() throws {
    var cursor = FeedCursor(dhcpID: ModelLink.id, epoch: Epoch(1), have: nil, incarnation: [])
    cursor.refuse(now: 0)
    #expect(cursor.nextRead(now: 0) != nil)
    cursor.refuse(now: 0)
    cursor.refuse(now: 0)
    #expect(cursor.nextRead(now: 0) == nil)
    let due = try #require(cursor.dueTime(now: 0))
    #expect(due > 0 && due <= FeedCursor.refusalWaitMax)
    #expect(cursor.nextRead(now: due) != nil)
  }

  /// Whatever edits, breaks, rot, restores and lost messages come in whatever order: when they stop, the agent has
  /// exactly the store's rows, and every generation it ever showed was one that the store had.
  @Test(arguments: 0..<200) func anyInterleavingConverges(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var link = ModelLink()
    link.feed.pageRows = Int.random(in: 1...4, using: &random)
    var history: [[UInt8]: [UInt64: [UInt64: UInt32]]] = [:]
    func remember() { history[link.feed.incarnation, default: [:]][link.feed.head] = link.feed.live }
    remember()
    for _ in 0..<300 {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<25:
        var changes: [UInt64: UInt32] = [:]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          changes[UInt64.random(in: 1...12, using: &random)] =
            Bool.random(using: &random) ? UInt32.random(in: 1...1_000, using: &random) : 0
        }
        link.edit(changes)
        remember()
      case 25..<55: _ = link.stepRegion()
      case 55..<75: _ = link.deliverToAgent()
      case 75..<83: _ = try link.deliverToRegion()
      case 83..<89: if link.agent.generation > 0 { link.toRegion.append(link.agent.apply()) }
      case 89..<93: link.reconnect()
      case 93: link.agent = ModelAgent(); link.reconnect()
      case 94: if let mac = link.agent.mirror.keys.sorted().first { link.agent.mirror[mac] = 7_777 }
      case 95:
        link.feed.epoch += 1
        link.recorded = 0
        link.session.wake([.assignments("rack1")])
      case 96: link.feed.collect(upTo: link.recorded)
      case 97:
        link.feed.incarnation = [UInt8](repeating: UInt8.random(in: 2...250, using: &random), count: 16)
        link.feed.epoch += 1
        link.recorded = 0
        link.reconnect()
        remember()
      default: link.now += Int64.random(in: 0...500_000_000, using: &random)
      }
    }
    // Rot that nobody touches again shows at the next Hello.
    link.reconnect()
    try link.settle()
    #expect(link.agent.mirror == link.feed.live)
    #expect(link.agent.generation == link.feed.head)
    #expect(link.recorded == link.feed.head)
    for shown in link.agent.committed {
      #expect(history[shown.incarnation]?[shown.generation] == shown.rows)
    }
  }
}
