internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
package import Provisioning
package import Pserv
internal import ServiceLifecycle
internal import Synchronization

/// HTTP for booting machines: scripts, files, phone-home. It listens at the agent's addresses on served links and
/// nowhere else.
package final class BootServer: Sendable {
  private let settings: BootServerSettings
  private let routes: BootRoutes
  private let addresses: @Sendable () -> [IPv4Address]
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var serving: Set<IPv4Address> = []
    var troubles: [IPv4Address: String] = [:]
    var ports: [IPv4Address: Int] = [:]
  }

  /// How often the served addresses are looked at.
  private static let lookInterval: Duration = .milliseconds(250)
  /// An address that cannot be bound (the link is not up yet, another program has the port) is tried again after this.
  private static let retryInterval: Duration = .seconds(1)

  /// - Parameter holder: Who holds an address by the lease database.
  package init(
    _ settings: BootServerSettings, view: AppliedView, desk: any PhoneHomeDesk, observations: any ObservationSink,
    holder: @escaping @Sendable (IPv4Address) -> Lease?, clock: any Timekeeper, logger: Logger
  ) {
    self.settings = settings
    self.logger = logger
    addresses = { view.agentAddresses }
    routes = BootRoutes(
      view: view, desk: desk, observations: observations, files: RootedFiles(root: settings.bootRoot),
      loaders: RootedFiles(root: settings.loaderRoot), holder: holder, clock: clock, logger: logger)
  }

  /// What an operator should know: a port that is in use. Each one sentence.
  package var warnings: [String] {
    state.withLock { $0.troubles.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// Where it listens now.
  package var listening: [IPv4Address: Int] { state.withLock { $0.ports } }

  /// Serves until cancelled.
  package func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        for address in newAddresses() {
          group.addTask { await self.serve(address) }
        }
        try await Task.sleep(for: Self.lookInterval)
      }
    }
  }

  private func newAddresses() -> [IPv4Address] {
    let wanted = addresses()
    return state.withLock { state in wanted.filter { state.serving.insert($0).inserted } }
  }

  /// Serves at one address for as long as its link is served.
  private func serve(_ address: IPv4Address) async {
    while addresses().contains(address), !Task.isCancelled {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.listen(at: address) }
        group.addTask {
          while self.addresses().contains(address), await Self.slept(Self.lookInterval) {}
        }
        _ = await group.next()
        group.cancelAll()
      }
      state.withLock { $0.ports[address] = nil }
      if addresses().contains(address) { _ = await Self.slept(Self.retryInterval) }
    }
    state.withLock { state in
      state.troubles[address] = nil
      state.serving.remove(address)
    }
  }

  /// Waits; false when it was cancelled.
  private static func slept(_ duration: Duration) async -> Bool {
    do { try await Task.sleep(for: duration) } catch { return false }
    return true
  }

  private func listen(at address: IPv4Address) async {
    let application = Application(
      responder: routes.responder(),
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(BootServerSettings.idleSecondsMax),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: BootServerSettings.headerBytesMax, maxHeaderListSize: BootServerSettings.headerBytesMax,
            maxHeaderFieldCount: BootServerSettings.headersMax))),
      configuration: .init(
        address: .hostname(address.description, port: settings.port),
        availableConnectionsDelegate: MaximumAvailableConnections(BootServerSettings.connectionsMax)),
      onServerRunning: { channel in
        self.state.withLock {
          $0.ports[address] = channel.localAddress?.port
          $0.troubles[address] = nil
        }
        self.logger.info("boot answers are served", metadata: ["address": "\(address)"])
      },
      logger: quietened)
    do {
      try await run(application)
    } catch {
      guard !Task.isCancelled else { return }
      let trouble = "boot answers are not served at \(address):\(settings.port): \(error)"
      let isNews = state.withLock { $0.troubles.updateValue(trouble, forKey: address) != trouble }
      if isNews { logger.warning("boot answers are not served", metadata: ["address": "\(address)", "error": "\(error)"]) }
    }
  }

  /// Runs until cancelled, and ends as a graceful stop even then: the framework traps when a connection that it has
  /// accepted and not yet taken up is dropped, which a plain cancellation can do.
  private func run(_ application: some ServiceLifecycle.Service) async throws {
    var configuration = ServiceGroupConfiguration(services: [application], logger: quietened)
    configuration.maximumGracefulShutdownDuration = Self.drainMax
    let group = ServiceGroup(configuration: configuration)
    // Not a child: cancelling this task must not reach it before the graceful stop does.
    let running = Task { try await group.run() }
    try await withTaskCancellationHandler {
      try await running.value
    } onCancel: {
      Task { await group.triggerGracefulShutdown() }
    }
  }

  /// How long downloads may run on after a stop began.
  private static let drainMax: Duration = .seconds(2)

  /// The framework's own news of starts and stops are no operator's business.
  private var quietened: Logger {
    var quiet = logger
    if quiet.logLevel < .warning { quiet.logLevel = .warning }
    return quiet
  }
}

package struct BootServerSettings: Sendable, Hashable {
  package var port = 7612
  /// Kernels and initrds.
  package var bootRoot: String
  /// The loader for UEFI HTTP boot: the directory that TFTP serves.
  package var loaderRoot: String

  /// Connections at one address; more wait.
  package static let connectionsMax = 1_024
  static let idleSecondsMax: Int64 = 60
  static let headerBytesMax = 16 << 10
  static let headersMax = 64

  package init(bootRoot: String, loaderRoot: String) {
    self.bootRoot = bootRoot
    self.loaderRoot = loaderRoot
  }
}
