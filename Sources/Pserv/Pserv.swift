internal import Logging
package import Provisioning
internal import Wire

/// The rack agent: keeps a session with the region, mirrors its subnets, and alone changes what DHCP, TFTP and HTTP boot
/// serve on this host. It is a value with `run()`; the entry point gives it the world.
package struct Pserv: Sendable {
  /// The host as the agent sees it.
  package struct Edges: Sendable {
    package var dhcp: any DHCPBackend
    package var loaders: (any LoaderServer)?
    package var links: any LinkSource
    package var bootFiles: (any BootFileSource)?
    /// What else runs as long as the agent: the HTTP server, watchers.
    package var companions: [@Sendable () async throws -> Void]
    /// What an operator should know of them; each one sentence.
    package var warnings: @Sendable () -> [String]
    /// Reads the one-time enrolment token; `nil` if there is none.
    package var token: @Sendable () throws -> String?

    package init(
      dhcp: any DHCPBackend, loaders: (any LoaderServer)?, links: any LinkSource, bootFiles: (any BootFileSource)?,
      companions: [@Sendable () async throws -> Void] = [], warnings: @escaping @Sendable () -> [String] = { [] },
      token: @escaping @Sendable () throws -> String?
    ) {
      self.dhcp = dhcp
      self.loaders = loaders
      self.links = links
      self.bootFiles = bootFiles
      self.companions = companions
      self.warnings = warnings
      self.token = token
    }
  }

  private let rack: Rack
  private let edges: Edges
  private let interfaces: [String: FabricName]
  private let applier: Applier
  private let session: SessionClient

  /// How often the boot files are looked at without a reason.
  static let bootFilesInterval: Duration = .seconds(30)

  /// - Parameters:
  ///   - interfaces: The fabric of each interface that is served.
  ///   - memoryMax: Of the DHCP server, octets.
  ///   - version: This program's, as the region shows it.
  package init(
    rack: Rack, regions: [RegionEndpoint], interfaces: [String: FabricName], edges: Edges, memoryMax: UInt64,
    version: String
  ) {
    self.rack = rack
    self.edges = edges
    self.interfaces = interfaces
    let applier = Applier(
      mirror: rack.mirror, backend: edges.dhcp, view: rack.view, time: rack.time, log: rack.log, memoryMax: memoryMax)
    self.applier = applier
    session = SessionClient(
      rack: rack, regions: regions, enrolment: Enrolment(rack: rack, token: edges.token),
      boot: bigEndian(rack.random()) + bigEndian(rack.random()), version: version,
      onDisplaced: { applier.stopWriting() })
  }

  /// Serves what is remembered, then what the region says, until `shutdown` returns.
  ///
  /// A stop in good order ends the daemons too, unless they are to be kept: a DHCP server that goes on by itself would
  /// answer for subnets that the region may give to another agent. When the agent fails or is killed they go on serving,
  /// and the next start adopts them.
  ///
  /// - Throws: What a part that cannot be done without failed with. The DHCP server then goes on.
  package func run(until shutdown: @escaping @Sendable () async -> Void, daemons: DaemonsAtExit) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await serve() }
      group.addTask { await shutdown() }
      try await group.next()
      group.cancelAll()
      while let result = await group.nextResult() {
        if case .failure(let error) = result, !(error is CancellationError) { throw error }
      }
    }
    guard daemons == .stop else { return }
    rack.log.info("stopping the DHCP server")
    try await edges.dhcp.stop()
  }

  private func serve() async throws {
    if rack.mirror.content.identity.isDisplaced { applier.stopWriting() }
    refreshLinks()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await edges.dhcp.run() }
      if let loaders = edges.loaders { group.addTask { try await loaders.run() } }
      group.addTask { try await ApplyLoop(rack: rack, applier: applier).run() }
      group.addTask { try await session.run() }
      group.addTask { try await edges.links.watch { refreshLinks() } }
      group.addTask { try await watchBootFiles() }
      for companion in edges.companions { group.addTask { try await companion() } }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func refreshLinks() {
    do {
      let states = try edges.links.links(of: interfaces.keys.sorted())
      if rack.take(RackLinks(states, fabrics: interfaces)) {
        rack.log.info(
          "links",
          metadata: ["up": "\(states.filter(\.isUp).map(\.interface).joined(separator: " "))"])
      }
    } catch {
      rack.log.error("the links cannot be read", metadata: ["error": "\(error)"])
    }
  }

  private func watchBootFiles() async throws {
    guard let source = edges.bootFiles else { return try await rack.time.sleep(for: .seconds(1 << 30)) }
    while true {
      let profiles = rack.mirror.content.profiles
      let files = await source.describe(profiles.paths)
      try Task.checkCancellation()
      var message = MusterV1.BootFiles()
      message.profilesRevision = profiles.revision
      message.root = source.root
      message.files = files.map { file in
        MusterV1.BootFile(path: file.path.text, sha256: file.sha256, sizeBytes: file.sizeBytes)
      }
      rack.change { $0.outbox.bootFiles = message }
      rack.warn(warnings())
      rack.sayable.raise()
      await rack.filesWanted.wait(atMost: Self.bootFilesInterval, rack.time)
    }
  }

  /// What the agent has to say about itself.
  private func warnings() -> [String] {
    let content = rack.mirror.content
    var warnings = (edges.loaders?.warnings ?? []) + edges.warnings()
    let reservations = content.appliedState.answering.reduce(0) { $0 + $1.bindings.count }
    if reservations > ApplyLoop.reservationsAdvised {
      let silence = rack.change { $0.outbox.course.silence }
      warnings.append(
        "\(reservations) reservations on one agent; every change silences DHCP for about \(silence.spoken). Advised are \(ApplyLoop.reservationsAdvised).")
    }
    if content.spooled >= Mirror.spoolMax {
      warnings.append("the spool of enlistments is full (\(Mirror.spoolMax)); newer machines must wait for the region.")
    }
    return warnings
  }
}
