import Provisioning
import Synchronization
import Testing

@testable import Store

/// Wall clocks jump; leases end when time has passed.
@Suite struct LeaseClockTests {
  /// A host with a wall clock that can be set.
  private final class Host: Sendable {
    private let state = Mutex((uptime: Int64(5_000_000_000), ahead: Int64(0)))

    func pass(seconds: Int64) { state.withLock { $0.uptime += seconds * 1_000_000_000 } }
    func set(aheadSeconds: Int64) { state.withLock { $0.ahead = aheadSeconds * 1_000_000_000 } }
    var wall: Timestamp { state.withLock { Timestamp(nanoseconds: 1_000_000_000_000 + $0.uptime + $0.ahead) } }
    var uptime: Int64 { state.withLock { $0.uptime } }

    var environment: StoreEnvironment { StoreEnvironment(now: { self.wall }, uptime: { self.uptime }) }
  }

  @Test func aJumpOfTheWallClockIsNoTime() {
    let host = Host()
    let clock = host.environment.leaseClock
    let start = clock.now
    #expect(start == host.wall)
    host.pass(seconds: 10)
    host.set(aheadSeconds: 3_600)
    #expect(clock.now == start.advanced(bySeconds: 10))
    host.set(aheadSeconds: -3_600)
    host.pass(seconds: 1)
    #expect(clock.now == start.advanced(bySeconds: 11))
  }

  @Test func whatIsKeptOutlivesTheProcess() {
    let host = Host()
    let first = host.environment.leaseClock
    #expect(first.jumpsToKeep == nil)
    host.set(aheadSeconds: 40)
    let jumps = first.jumpsToKeep
    #expect(jumps == 40_000_000_000)
    first.keep(jumps: jumps ?? 0)
    #expect(first.jumpsToKeep == nil)
    host.pass(seconds: 5)
    let (second, shown) = (host.environment.leaseClock, first.now)
    second.resume(jumps: jumps ?? 0)
    #expect(second.now == shown)
    // Set right again while it runs, it is the wall clock again.
    host.set(aheadSeconds: 0)
    #expect(second.jumpsToKeep == 0)
    #expect(second.now == host.wall)
  }

  @Test func aHeldAddressIsNotFreedByAClockThatIsSetAhead() async throws {
    let host = Host()
    let store = try SQLiteStore.inMemory(environment: host.environment)
    try await store.furnish()
    let (session, epoch) = try await store.serve("hall1", by: "rack1")
    try await store.add(spec("a", mac(1), "hall1", .fixed("10.1.0.42")))
    try await store.acknowledge("hall1", by: "rack1", session, epoch)
    try await store.remove("a")
    let left = LeaseLeft(address: "10.1.0.42", mac: mac(1), until: host.wall.advanced(bySeconds: 3_600))
    try await store.acknowledge("hall1", by: "rack1", session, epoch, left: [left])
    host.set(aheadSeconds: 7_200)
    _ = try await store.write { try $0.trim() }
    let want = spec("b", mac(2), "hall1", .fixed("10.1.0.42"))
    #expect(await problems { try await store.add(want) }.map(\.code) == [.addressHeld])
    host.pass(seconds: 3_601)
    try await store.add(want)
  }

  @Test func aRestartedStoreRemembersTheJumps() async throws {
    let world = World()
    let host = Host()
    let store = try SQLiteStore(path: world.path, environment: host.environment)
    host.set(aheadSeconds: 40)
    let jumps = try #require(store.leaseClock.jumpsToKeep)
    try await store.write { try $0.keep(clockJumps: jumps) }
    let shown = store.leaseClock.now
    await store.close()
    let again = try SQLiteStore(path: world.path, environment: host.environment)
    #expect(again.leaseClock.now == shown)
    await again.close()
  }
}
