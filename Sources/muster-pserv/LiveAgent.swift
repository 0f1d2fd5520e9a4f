import Foundation
import Logging
import Provisioning
import Pserv
import PservHTTP
import RPC
import RPCTransport
import ServiceLifecycle
import ServiceProgram
import Settings

/// The agent on the real machine: clocks, randomness, files, Kea, TFTP, HTTP, links and the network to the region.
struct LiveAgent {
  let services: [any ServiceLifecycle.Service]

  /// - Throws: With words for an operator, before anything is changed.
  init(_ settings: PservSettings, keepDaemons: Bool, reclaim: Bool, program: ServiceProgram, log: Logger) async throws {
    let metrics = program.metrics(log: log)
    do {
      // TFTP's directory lies below and its user must reach it; the database's file is the agent's alone by its own mode.
      try FileManager.default.createDirectory(
        atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    } catch {
      throw SettingsProblem(
        source: settings.state, key: "state", message: "cannot be made: \(systemWords(of: error)). Run as root, or choose another directory")
    }
    var keaSettings = KeaSettings()
    var tftpSettings = TFTPSettings(root: settings.tftpRoot)
    let locks = [try RackLock(path: settings.lockPath), try keaSettings.lock(), try tftpSettings.lock()]
    let mirror = try Mirror(path: settings.mirrorPath)
    if reclaim {
      var identity = mirror.content.identity
      identity.isDisplaced = false
      try mirror.storeIdentity(identity)
    }
    let time = SystemTimekeeper()
    let links = NetlinkLinks()
    let names = settings.interfaces.keys.sorted()
    let rack = Rack(
      name: settings.name, mirror: mirror, links: RackLinks(try links.links(of: names), fabrics: settings.interfaces),
      time: time, random: { UInt64.random(in: .min ... .max) }, log: log)
    let exit: DaemonsAtExit = keepDaemons ? .keep : .stop

    keaSettings.httpPort = settings.httpPort
    keaSettings.probeTimeout = settings.probeTimeout
    keaSettings.residentBytesMax = settings.memoryMaxBytes
    switch KeaAccount(named: settings.dhcpUser) {
    case .agents: keaSettings.user = nil
    case .own(let name): keaSettings.user = name
    case .preferredIsMissing:
      log.warning("there is no user \(KeaAccount.preferred); Kea runs as root")
    case .missing:
      throw SettingsProblem(
        source: settings.dhcpUser, key: "dhcp.user", message: "is no user of this host. Make it, or write 'root'")
    }
    // The agent stops Kea itself at a stop in good order, and leaves it running when it fails.
    keaSettings.atExit = .keep
    let kea = try KeaBackend(keaSettings, links: links, observations: rack, logger: log, clock: time)

    tftpSettings.port = settings.tftpPort
    tftpSettings.atExit = exit
    let view = rack.view
    let tftp = TFTPServer(tftpSettings, logger: log, addresses: { view.agentAddresses })
    let watcher = BootWatcher(
      interfaces: names, links: links, view: view, holder: { kea.holder(of: $0) }, observations: rack, logger: log,
      clock: time)

    var httpSettings = BootServerSettings(bootRoot: settings.bootRoot, loaderRoot: settings.tftpRoot)
    httpSettings.port = Int(settings.httpPort)
    let http = BootServer(
      httpSettings, view: view, desk: rack, observations: rack, holder: { kea.holder(of: $0) }, clock: time, logger: log)

    let tokenFile = settings.tokenFile
    let edges = Pserv.Edges(
      dhcp: kea, loaders: tftp, links: links, bootFiles: BootFileInventory(root: settings.bootRoot),
      companions: [{ try await watcher.run() }, { try await http.run() }], warnings: { http.warnings },
      token: { try readToken(tokenFile) })
    let channels = try Self.channels(settings, log: log)
    let pserv = Pserv(
      rack: rack, regions: channels.map { RegionEndpoint(name: $0.name, channel: $0.channel) },
      interfaces: settings.interfaces, edges: edges, memoryMax: UInt64(settings.memoryMaxBytes),
      version: MusterPserv.version)
    let meter = RackMeter(rack: rack)
    let health = try await HealthListenerService.listening(
      on: settings.healthListen, metrics: metrics { meter.measure() }, obstacle: { rack.obstacle })
    services = [
      health,
      AgentService(pserv: pserv, daemons: exit, locks: locks, channels: channels.map(\.channel)),
    ]
  }

  /// One channel for each of the region's addresses: the agent tries them in turn by itself.
  private static func channels(_ settings: PservSettings, log: Logger) throws -> [(name: String, channel: ClientChannel)] {
    var options = ClientOptions()
    options.keepaliveInterval = .seconds(10)
    options.keepaliveTimeout = .seconds(5)
    // The session client waits by itself, with jitter; the channel should not wait on top of that.
    options.backoff = RPCTransport.Backoff(base: .milliseconds(100), longest: .seconds(1))
    return try settings.regions.map { region in
      let tls = region.isLocal && settings.tlsCA == nil ? nil : settings.tlsCA.map { ClientTLS(trustRoots: .file($0)) }
      let channel = ClientChannel(
        addresses: [try EndpointAddress("\(region)")], tls: tls, options: options, logger: log)
      return ("\(region)", channel)
    }
  }
}

/// The agent and its connections as one service.
private struct AgentService: ServiceLifecycle.Service {
  let pserv: Pserv
  let daemons: DaemonsAtExit
  /// Held until the agent has ended.
  let locks: [RackLock]
  let channels: [ClientChannel]

  func run() async throws {
    defer { extendLifetime(locks) }
    try await pserv.run(
      until: { do { try await gracefulShutdown() } catch {} }, daemons: daemons)
    for channel in channels { channel.closeNow() }
  }
}

/// The first line of the token file without white space around it.
private func readToken(_ path: String) throws -> String? {
  guard FileManager.default.fileExists(atPath: path) else { return nil }
  let text = try String(contentsOfFile: path, encoding: .utf8)
  return text.split(whereSeparator: \.isNewline).first.map { $0.trimmingCharacters(in: .whitespaces) }
}
