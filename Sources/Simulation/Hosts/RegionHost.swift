internal import Logging
internal import Provisioning
internal import RPC
internal import Region
internal import Store

/// The region's host: the real region over the real store, whose files outlive it.
final class RegionHost {
  let clock: HostClock
  private let world: World
  private let network: SimulatedNetwork
  private let disk: Disk
  private var random: SplitMix64
  private(set) var process: SimulatedProcess?
  private(set) var store: SQLiteStore?
  /// How long the store's disk takes for one batch; a fault makes it slow.
  var diskDelay = RegionHost.diskDelayUsual
  /// When the last batch is done that a slow disk took.
  private var diskSlowUntil: Duration = .zero
  /// Lives so far.
  private(set) var starts = 0

  static let address = "region:7600"
  static let name = "region"
  static let diskDelayUsual: ClosedRange<Duration> = .microseconds(50) ... .milliseconds(3)
  private static let files = ["region.db", "region.db-wal"]

  init(world: World, network: SimulatedNetwork, scratch: Scratch) throws {
    self.world = world
    self.network = network
    clock = HostClock(world)
    random = world.random.fork()
    disk = try Disk(base: "\(scratch.path)/region")
  }

  /// Whether something that began at `time` may have waited for a slow disk, or for a batch that such a one still holds.
  func wasDiskSlow(since time: Duration) -> Bool { diskDelay != Self.diskDelayUsual || time <= diskSlowUntil }

  private func drawDiskDelay() -> Duration {
    let delay = random.duration(diskDelay)
    if diskDelay != Self.diskDelayUsual { diskSlowUntil = max(diskSlowUntil, world.now + delay) }
    return delay
  }

  func start() throws {
    guard process == nil else { return }
    starts += 1
    let process = SimulatedProcess(name: Self.name, number: 0, world: world)
    let draw = Draw(random.fork())
    let clock = clock
    let environment = StoreEnvironment(
      now: { clock.wall }, uptime: { [world] in world.now.wholeNanoseconds }, random: { draw.next() },
      executor: ProcessStoreExecutor(process: process) { [weak self] in
        self?.drawDiskDelay() ?? .zero
      })
    let store = try SQLiteStore(path: "\(disk.directory)/region.db", environment: environment)
    let context = RegionContext(
      store: store, clocks: ProcessClock(process: process, host: clock).clocks, logger: TraceLog.logger(process),
      version: "simulated", random: { draw.next() })
    let region = Region(context: context, tokens: nil)
    let router = region.router
    self.process = process
    self.store = store
    network.set(Self.name, isUp: true)
    network.listen(
      at: Self.address,
      SimulatedNetwork.Listener(process: process) { connection in
        ServerEnd(process, router: router, peer: "simulated", connection: connection)
      })
    world.note(Self.name, "starts, life \(starts)")
    process.start { [world] in
      do { try await region.run() } catch {
        if process.isAlive { world.violate(.programsRun, "the region ended: \(error)") }
      }
    }
  }

  /// SIGKILL, or the power goes: then nobody tells the peers.
  func kill(isPowerLoss: Bool) throws {
    guard let process else { return }
    world.note(Self.name, isPowerLoss ? "loses power" : "is killed")
    try disk.takeImage(of: Self.files)
    network.stopListening(at: Self.address)
    if isPowerLoss { network.set(Self.name, isUp: false) }
    network.abandon(process, silently: isPowerLoss)
    process.kill()
    self.process = nil
    store = nil
  }
}

/// Runs the store's work as steps of the region's process, after what the disk takes.
private struct ProcessStoreExecutor: StoreExecutor, @unchecked Sendable {
  let process: SimulatedProcess
  let delay: () -> Duration

  func run(_ work: @escaping @Sendable () -> Void) {
    process.call(after: delay(), work)
  }
}

/// A generator that several closures share. Used on the world's thread only.
final class Draw: @unchecked Sendable {
  private var random: SplitMix64

  init(_ random: SplitMix64) {
    self.random = random
  }

  func next() -> UInt64 { random.next() }
}
