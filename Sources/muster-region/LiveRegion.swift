import Foundation
import Logging
import Provisioning
import RPC
import RPCTransport
import Region
import ServiceLifecycle
import ServiceProgram
import Settings
import Store
import Synchronization

/// The region on the real machine: clocks, randomness, the database's file, sockets, TLS.
struct LiveRegion {
  let services: [any ServiceLifecycle.Service]
  let store: any RegionStore

  /// How long running calls and the store get at a stop, before the process ends anyway.
  static let shutdownMax: Duration = .seconds(40)
  /// How long calls may run on after a stop began. Agents come back by themselves, operators' calls are short.
  private static let drainMax: Duration = .seconds(5)

  /// Blocks while the store is opened. Listens for health checks at the end, so that an address in use is told at once.
  ///
  /// - Throws: With words for an operator, before anything is served.
  init(_ settings: RegionSettings, program: ServiceProgram, log: Logger) async throws {
    let metrics = program.metrics(log: log)
    let tokens = try settings.tokensFile.map { try Self.tokens($0) }
    let now: @Sendable () -> Timestamp = { Timestamp(nanoseconds: Self.clock(CLOCK_REALTIME)) }
    let random: @Sendable () -> UInt64 = { .random(in: .min ... .max) }
    try Self.makeDirectory(of: settings.storePath)
    let store = try SQLiteStore(
      path: settings.storePath,
      environment: StoreEnvironment(
        now: now, uptime: { Self.clock(CLOCK_BOOTTIME) }, random: random, program: MusterRegion.version))
    let clocks = Clocks(
      now: now, uptime: { Self.clock(CLOCK_BOOTTIME) },
      sleep: { try await Task.sleep(for: .nanoseconds($0), clock: .continuous) })
    let context = RegionContext(
      store: store, clocks: clocks, logger: log, version: MusterRegion.version,
      offlineAfter: settings.agentOfflineAfter, random: random)
    let region = Region(
      context: context, tokens: tokens, lease: settings.agentLease, eventsKeep: settings.eventsKeep)
    self.store = store
    let server = try Self.server(region, settings, log: log)
    let readiness = Readiness()
    let meter = RegionMeter(context: context)
    let health = try await HealthListenerService.listening(
      on: settings.healthListen, metrics: metrics { try await meter.measure() },
      obstacle: { readiness.isReady ? nil : "not ready" })
    services = [
      HousekeepingService(region: region),
      health,
      ServerService(server: server, readiness: readiness),
    ]
  }

  /// Replaces the database by a backup; no region may run on it.
  ///
  /// - Returns: Where the database that was there is kept.
  static func restore(from backup: String, _ settings: RegionSettings) throws -> String? {
    try makeDirectory(of: settings.storePath)
    return try SQLiteStore.restore(
      from: backup, to: settings.storePath,
      environment: StoreEnvironment(
        now: { Timestamp(nanoseconds: clock(CLOCK_REALTIME)) }, random: { .random(in: .min ... .max) },
        program: MusterRegion.version))
  }

  private static func server(_ region: Region, _ settings: RegionSettings, log: Logger) throws -> Server {
    var limits = settings.limits
    limits.drainTimeout = drainMax
    let tls = settings.tls.map {
      ServerTLS(certificateChain: .file($0.certificatePath), privateKey: .file($0.keyPath))
    }
    let listeners = try settings.listen.map { endpoint in
      // A unix socket is guarded by its file's permissions; TLS would add nothing.
      let isUnix = if case .unix = endpoint { true } else { false }
      return Listener(address: try ListenAddress("\(endpoint)"), tls: isUnix ? nil : tls)
    }
    return Server(router: region.router, listeners: listeners, limits: limits, logger: log)
  }

  private static func tokens(_ path: String) throws -> TokensFile {
    let text: String
    do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw SettingsProblems([
        SettingsProblem(source: path, key: "", message: "cannot be read: \(systemWords(of: error))")
      ])
    }
    return try TokensFile(name: path, text: text)
  }

  private static func makeDirectory(of path: String) throws {
    let directory = (path as NSString).deletingLastPathComponent
    guard !directory.isEmpty, !FileManager.default.fileExists(atPath: directory) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StoreError.notWritable(path: directory, reason: systemWords(of: error))
    }
  }

  /// Nanoseconds.
  private static func clock(_ id: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(id, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Whether the region takes calls: true from the moment it listens until it begins to stop.
private final class Readiness: Sendable {
  private let ready = Mutex(false)

  var isReady: Bool { ready.withLock { $0 } }

  func set(_ isReady: Bool) { ready.withLock { $0 = isReady } }
}

/// Agents' liveness and the store's cleanliness.
private struct HousekeepingService: ServiceLifecycle.Service {
  let region: Region

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      do { try await region.run() } catch is CancellationError {}
    }
  }
}

/// The server, and the one line that says where it listens.
private struct ServerService: ServiceLifecycle.Service {
  let server: Server
  let readiness: Readiness

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let addresses = try await server.boundAddresses
        readiness.set(true)
        let line = "ready on \(addresses.map(\.description).joined(separator: ", "))\n"
        FileHandle.standardOutput.write(Data(line.utf8))
      }
      try await withGracefulShutdownHandler {
        try await cancelWhenGracefulShutdown { try await server.run() }
      } onGracefulShutdown: {
        readiness.set(false)
      }
      try await group.waitForAll()
    }
  }
}
