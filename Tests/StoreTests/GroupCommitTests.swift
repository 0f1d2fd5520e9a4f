import Dispatch
import Provisioning
import Testing

@testable import Store

@Suite struct GroupCommitTests {
  @Test(arguments: Engine.allCases) func aBodyThatThrowsUndoesItsOwnWritesOnly(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    struct Stop: Error {}
    await withTaskGroup { group in
      for number in 1...200 as ClosedRange<UInt64> {
        group.addTask {
          do {
            try await store.write { tx in
              _ = try tx.write(.create(spec(try NodeName("n\(number)"), mac(number))), by: ops)
              if number % 3 == 0 { throw Stop() }
            }
            #expect(number % 3 != 0)
          } catch {
            #expect(number % 3 == 0, "\(error)")
          }
        }
      }
    }
    let nodes = try await store.read { try $0.nodes(limit: 1000).items }
    #expect(nodes.count == 134)
    #expect(nodes.allSatisfy { UInt64($0.name.text.dropFirst()).map { $0 % 3 != 0 } ?? false })
    let row = try await store.row("hall1")
    #expect(row.progress.head == Generation(135), "one generation a transaction, none for those undone")
    let page = try #require(try await store.read { try $0.feed(row.subnet.dhcpID, from: .snapshot, limit: 1000) })
    #expect(page.digest == SubnetDigest(header: row.subnet.header, bindings: page.rows.compactMap(\.binding)))
  }

  @Test(arguments: Engine.allCases) func whoWaitsTogetherSharesACommit(engine: Engine) async throws {
    let store = try engine.open()
    try await store.furnish()
    let commits = Locked(0)
    store.observe { _ in commits.withLock { $0 += 1 } }
    let begun = DispatchSemaphore(value: 0)
    await withTaskGroup { group in
      // Holds the writer until the others are on their way, however slow their threads start.
      group.addTask {
        do { try await store.write { _ in for _ in 1...300 { begun.wait() } } } catch { Issue.record("\(error)") }
      }
      for number in 1...300 as ClosedRange<UInt64> {
        group.addTask {
          begun.signal()
          do { try await store.add(spec(try NodeName("n\(number)"), mac(number))) } catch { Issue.record("\(error)") }
        }
      }
    }
    #expect(commits.withLock { $0 } < 300)
    #expect(try await store.row("hall1").progress.head == Generation(301))
  }

  @Test(arguments: Engine.allCases) func observersHearOfEveryHeadBeforeTheWriterIsAnswered(engine: Engine) async throws
  {
    let store = try engine.open()
    try await store.furnish()
    let heard = Locked(CommitNotice())
    store.observe { notice in heard.withLock { $0.merge(notice) } }
    try await store.add(spec("a", mac(1)))
    let dhcpID = try await store.row("hall1").subnet.dhcpID
    #expect(heard.withLock { $0.heads } == [dhcpID: Generation(2)])
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    #expect(heard.withLock { $0.assignments } == ["rack1"])
    #expect(heard.withLock { $0.progress } == [dhcpID])
    heard.withLock { $0 = CommitNotice() }
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    #expect(heard.withLock { $0.progress } == [dhcpID])
    #expect(heard.withLock { $0.heads }.isEmpty)
    heard.withLock { $0 = CommitNotice() }
    _ = try await store.rehearse { try $0.write(.create(spec("b", mac(2))), by: ops) }
    #expect(heard.withLock { $0.isEmpty })
  }

  @Test func aClosedStoreFinishesWhatItTookAndRefusesTheRest() async throws {
    let world = World()
    let store = try Engine.sqliteFile.open(world)
    try await store.furnish()
    let added = Locked(0)
    await withTaskGroup { group in
      for number in 1...100 as ClosedRange<UInt64> {
        group.addTask {
          do {
            try await store.add(spec(try NodeName("n\(number)"), mac(number)))
            added.withLock { $0 += 1 }
          } catch {
            #expect(error as? StoreError == .closed)
          }
        }
      }
      group.addTask { await store.close() }
    }
    await #expect(throws: StoreError.closed) { try await store.node("n1") }
    let again = try Engine.sqliteFile.open(world)
    #expect(try await again.read { try $0.nodeCounts()[.ready] ?? 0 } == added.withLock { $0 })
  }

  /// The simulation runs the store on its one thread: nothing may wait for another.
  @Test func theInlineExecutorAnswersBeforeItReturns() async throws {
    let store = try Engine.sqliteInMemory.open(World(isInline: true))
    try await store.furnish()
    try await store.add(spec("a", mac(1)))
    #expect(try await store.node("a") != nil)
  }
}
