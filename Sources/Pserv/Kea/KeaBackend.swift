internal import Glibc
package import Logging
package import Provisioning
internal import Synchronization

/// Kea 2.2 as the rack's DHCP daemon.
///
/// The core calls one method at a time; `run` works beside it. What Kea does after each step was measured:
/// `cluster/reference/README.md`.
package final class KeaBackend: DHCPBackend {
  let settings: KeaSettings
  private let daemon: Daemon
  private let control: KeaControl
  private let links: any LinkSource
  private let observations: any ObservationSink
  private let clock: any Timekeeper
  private let logger: Logger
  private let leaseFile: Mutex<LeaseFile>

  /// `kea-dhcp4 -t` takes half a second for 10,000 reservations.
  private static let checkMax: Duration = .seconds(60)
  /// A lease is seen at most this much after it was given.
  private static let leaseInterval: Duration = .milliseconds(200)
  private static let configurationBytesMax = 256 << 20

  /// Creates the directories of `settings`. Starts nothing.
  ///
  /// - Throws: `SystemError`, `KeaSetupError`.
  package init(
    _ settings: KeaSettings, links: any LinkSource, observations: any ObservationSink, logger: Logger,
    clock: any Timekeeper
  ) throws {
    if let problem = settings.problem { throw KeaSetupError(problem: problem) }
    self.settings = settings
    self.links = links
    self.observations = observations
    self.clock = clock
    self.logger = logger
    let control = KeaControl(path: settings.controlSocket)
    self.control = control
    leaseFile = Mutex(LeaseFile(path: settings.leaseFile))
    try settings.createDirectories()
    daemon = Daemon(
      settings.command, in: settings.namespace, logger: logger,
      willStart: {
        // Kea refuses to start while its pid file names any living process. That none of them is this rack's Kea was
        // just seen in /proc.
        unlink(settings.pidFile)
        try settings.giveFilesToUser()
      },
      isReady: { _ in await control.answers() })
  }

  package func fingerprint(of state: RackState) throws -> ConfigurationFingerprint {
    KeaConfiguration(state, settings: settings).fingerprint
  }

  package func inspect() async throws -> DHCPInspection {
    try await daemon.adopt()
    var inspection = DHCPInspection(installed: try installedFingerprint(), isRunning: daemon.pid != nil)
    guard inspection.isRunning else { return inspection }
    inspection.loaded = try await loadedFingerprint()
    inspection.memoryBytes = UInt64(daemon.residentBytes ?? 0)
    return inspection
  }

  package func validate(_ state: RackState) async throws -> ConfigurationVerdict {
    let scratch = AtomicFile(settings.scratch, mode: KeaSettings.fileMode)
    defer { scratch.discard() }
    try scratch.stage(KeaConfiguration(state, settings: settings).bytes)
    return try await check(scratch.stagedPath)
  }

  package func stage(_ state: RackState) async throws {
    try installedFile.stage(KeaConfiguration(state, settings: settings).bytes)
  }

  package func validateStaged() async throws -> ConfigurationVerdict {
    try await check(installedFile.stagedPath)
  }

  package func install() async throws {
    try installedFile.publish()
  }

  package func pause() async throws {
    guard daemon.pid != nil else { return }
    try await order(.disable(atMost: DHCPLimits.pauseMax))
  }

  package func resume() async throws {
    guard daemon.pid != nil else { return }
    try await order(.enable)
  }

  package func delete(_ leases: [Lease]) async throws {
    for lease in leases { try await order(.delete(lease.address.description)) }
  }

  package func adopt(_ leases: [Lease]) async throws {
    let now = clock.wall
    for lease in leases { try await order(.adopt(lease, at: now)) }
  }

  package func reload() async throws -> Duration {
    try await daemon.adopt()
    guard daemon.pid != nil else {
      let begin = ContinuousClock.now
      try await daemon.start()
      return ContinuousClock.now - begin
    }
    // Kea answers nobody while it works on this order, and little longer: measured side by side they agree.
    let begin = ContinuousClock.now
    try await order(.reload, timeout: KeaControl.reloadMax)
    return ContinuousClock.now - begin
  }

  package func restart() async throws {
    try await daemon.restart()
  }

  package func stop() async throws {
    try await daemon.stop()
  }

  package func probe(_ target: ProbeTarget) async throws -> ProbeVerdict {
    let link = try links.links(of: [target.attachment.interface]).first
    return try await DHCPProbe(timeout: settings.probeTimeout, namespace: settings.namespace).ask(target, link: link)
  }

  package func foreignServer(on attachment: Attachment) async throws -> IPv4Address? {
    try await ForeignServerSearch(timeout: settings.probeTimeout, namespace: settings.namespace).find(on: attachment)
  }

  package func restore(_ state: RackState) async throws {
    guard !state.answering.isEmpty else { return try await daemon.stop() }
    try installedFile.replace(with: KeaConfiguration(state, settings: settings).bytes)
    try await daemon.restart()
  }

  package func leases(in subnets: [DHCPSubnetID]) async throws -> [Lease] {
    try followLeases()
    return leaseFile.withLock { $0.table.inForce(at: clock.wall, in: Set(subnets)) }
  }

  package func run() async throws {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.daemon.run() }
        group.addTask { try await self.watchLeases() }
        try await group.next()
        group.cancelAll()
      }
    } catch {
      await daemon.leave(settings.atExit)
      throw error
    }
  }

  /// Who holds an address now, for an edge that only knows the address.
  package func holder(of address: IPv4Address) -> Lease? {
    leaseFile.withLock { $0.table.holder(of: address, at: clock.wall) }
  }

  /// The daemon's process id; `nil` when it does not run.
  package var pid: Int32? { daemon.pid }

  private func watchLeases() async throws {
    while true {
      do { try followLeases() } catch {
        logger.warning("leases cannot be read", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: Self.leaseInterval)
    }
  }

  private func followLeases() throws {
    try leaseFile.withLock { file throws(SystemError) in
      try file.advance { observations.record($0) }
    }
  }

  private var installedFile: AtomicFile { AtomicFile(settings.configuration, mode: KeaSettings.fileMode) }

  private func installedFingerprint() throws -> ConfigurationFingerprint? {
    let bytes = try ReadFile.bytesIfPresent(at: settings.configuration, max: Self.configurationBytesMax)
    return bytes.flatMap { KeaConfiguration.fingerprint(ofFile: $0) }
  }

  private func loadedFingerprint() async throws -> ConfigurationFingerprint? {
    let reply: KeaReply
    do { reply = try await control.send(.serverTag) } catch let error as CancellationError {
      throw error
    } catch {
      logger.warning("Kea does not say what it serves", metadata: ["error": "\(error)"])
      return nil
    }
    guard let tag = reply.serverTag, !tag.isEmpty else { return nil }
    return ConfigurationFingerprint(tag)
  }

  private func order(_ command: KeaCommand, timeout: Duration = KeaControl.commandMax) async throws {
    try await control.send(command, timeout: timeout).orThrow(command.name)
  }

  private func check(_ path: String) async throws -> ConfigurationVerdict {
    let run = CommandRun(
      words: settings.userPrefix + [settings.executable, "-t", path], environment: settings.command.environment,
      namespace: settings.namespace, timeout: Self.checkMax)
    let outcome = try await run.run()
    return outcome.status == 0 ? .accepted : .refused(KeaWords.refusal(in: outcome.output))
  }
}

/// The settings cannot work.
package struct KeaSetupError: Error, Hashable, Sendable, CustomStringConvertible {
  package let problem: String
  package var description: String { problem }
}

extension KeaControl {
  /// Whether Kea is up.
  func answers() async -> Bool {
    do { return try await send(.status, timeout: .seconds(1)).result == .success } catch { return false }
  }
}

/// What Kea writes about a configuration it refuses.
enum KeaWords {
  static let octetsMax = 512

  /// The reason out of the checker's output: its last line with an error, without the time and logger.
  static func refusal(in output: String) -> String {
    let lines = output.split(separator: "\n")
    let reason = lines.last { $0.contains("rror") } ?? lines.last ?? "no reason given"
    return CommandOutput.oneLine(String(reason), octetsMax: octetsMax)
  }
}
