internal import Glibc
package import Logging
package import Provisioning
internal import Synchronization

/// The loaders by TFTP: Debian's `in.tftpd`, one process for each address of a served link, and in its directory the two
/// loaders and nothing else.
///
/// Kernels and initrds go by HTTP: 60 MB take this server a minute.
package final class TFTPServer: LoaderServer {
  private let settings: TFTPSettings
  private let addresses: @Sendable () -> [IPv4Address]
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    /// By what is wrong, so that it can be taken back.
    var troubles: [String: String] = [:]
    var serving: Set<IPv4Address> = []
  }

  private static let warningsMax = 8
  /// How often the served addresses are looked at.
  private static let lookInterval: Duration = .milliseconds(250)
  private static let loaderBytesMax = 16 << 20

  /// - Parameter addresses: Where loaders are served now: the agent's addresses on served links.
  package init(
    _ settings: TFTPSettings, logger: Logger, addresses: @escaping @Sendable () -> [IPv4Address]
  ) {
    self.settings = settings
    self.addresses = addresses
    self.logger = logger
  }

  package var warnings: [String] {
    state.withLock { $0.troubles.sorted { $0.key < $1.key }.prefix(Self.warningsMax).map(\.value) }
  }

  package func run() async throws {
    try installLoaders()
    try await endStrangers()
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        for address in newAddresses() {
          group.addTask { await self.serve(address) }
        }
        // Children end when their address is served no more, or by cancellation.
        try await Task.sleep(for: Self.lookInterval)
      }
    }
  }

  private func newAddresses() -> [IPv4Address] {
    let wanted = addresses()
    return state.withLock { state in wanted.filter { state.serving.insert($0).inserted } }
  }

  /// Serves at one address for as long as its link is served. A server that cannot be started is tried again, ever
  /// slower.
  private func serve(_ address: IPv4Address) async {
    let port = settings.port
    let daemon = Daemon(settings.command(at: address), in: settings.namespace, logger: logger) { pid in
      // It reports nothing but to syslog, so what counts is that the port is its own.
      ProcessTable.hasUDPSocket(pid, at: address, port: port)
    }
    let name = Self.name(address)
    var backoff = RestartBackoff()
    while addresses().contains(address), !Task.isCancelled {
      let began = ContinuousClock.now
      do {
        try await daemon.start()
        try await watch(daemon, at: address)
      } catch {
        guard !Task.isCancelled else { break }
        set(name, "TFTP does not answer at \(address):\(port): \(error)")
        await daemon.leave(.stop)
        await pause(backoff.delay(afterRunning: .now - began), while: address)
      }
    }
    if Task.isCancelled {
      await daemon.leave(settings.atExit)
    } else {
      await daemon.leave(.stop)
      set(name, nil)
    }
    state.withLock { _ = $0.serving.remove(address) }
  }

  /// Starts the server again whenever it ends; returns when the address is served no more.
  private func watch(_ daemon: Daemon, at address: IPv4Address) async throws {
    let port = settings.port
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await daemon.run() }
      group.addTask {
        while self.addresses().contains(address) {
          self.set(Self.name(address), daemon.pid == nil ? "TFTP does not answer at \(address):\(port)" : nil)
          try await Task.sleep(for: Self.lookInterval)
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Waits, but not longer than the address is served.
  private func pause(_ duration: Duration, while address: IPv4Address) async {
    let end = ContinuousClock.now + duration
    while addresses().contains(address), ContinuousClock.now < end {
      do { try await Task.sleep(for: min(Self.lookInterval, end - .now)) } catch { return }
    }
  }

  private static func name(_ address: IPv4Address) -> String { "tftp \(address)" }

  /// Servers of this directory at addresses that are served no more, left by an earlier life.
  private func endStrangers() async throws {
    let wanted = Set(addresses().map { settings.command(at: $0).arguments })
    let found = ProcessTable.find(in: settings.namespace.identity) { words in
      words.first == self.settings.executable && words.last == self.settings.root && !wanted.contains(words)
    }
    for process in found.compactMap({ RunningProcess(adopting: $0) }) { process.signal(SIGTERM) }
  }

  /// Copies the loaders whose content differs; the server never sees half a file.
  private func installLoaders() throws {
    try Directory.create(settings.root, mode: 0o755)
    for loader in BootLoader.allCases {
      let source = settings.loaders + "/" + loader.fileName
      let target = settings.root + "/" + loader.fileName
      do throws(SystemError) {
        let bytes = try ReadFile.bytes(of: source, max: Self.loaderBytesMax)
        let present = try ReadFile.bytesIfPresent(at: target, max: Self.loaderBytesMax)
        if present != bytes { try AtomicFile(target, mode: 0o644).replace(with: bytes) }
        set(loader.fileName, nil)
      } catch {
        set(loader.fileName, "loader \(loader.fileName) cannot be served: \(error); it is in Debian's package ipxe")
      }
    }
  }

  private func set(_ name: String, _ trouble: String?) {
    let isNews = state.withLock { state in
      defer { state.troubles[name] = trouble }
      return trouble != nil && state.troubles[name] != trouble
    }
    if isNews, let trouble { logger.warning("TFTP", metadata: ["trouble": "\(trouble)"]) }
  }
}

/// Where the loaders come from and how they are served.
package struct TFTPSettings: Sendable, Hashable {
  package var executable = "/usr/sbin/in.tftpd"
  /// The server's directory; it is locked into it and the agent writes it. Names this rack in the command line.
  package var root: String
  /// Debian's `ipxe` package.
  package var loaders = "/usr/lib/ipxe"
  package var port: UInt16 = 69
  /// The account transfers run under.
  package var user = "tftp"
  package var atExit: DaemonsAtExit = .stop
  package var namespace: NetworkNamespace = .own

  package init(root: String) {
    self.root = root
  }

  /// Takes the right to write `root`. The server's user cannot read the lock, so it is not served.
  ///
  /// - Throws: `RackLockError` naming the process that has it, `SystemError`.
  package func lock() throws -> RackLock {
    try Directory.create(root, mode: 0o755)
    return try RackLock(path: root + "/.lock", mode: 0o600)
  }

  func command(at address: IPv4Address) -> DaemonCommand {
    DaemonCommand(
      arguments: [executable, "--foreground", "--address", "\(address):\(port)", "--user", user, "--secure", root],
      output: "/dev/null")
  }
}
