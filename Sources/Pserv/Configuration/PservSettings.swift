package import Provisioning
package import Settings

/// Everything an operator decides about an agent, checked.
package struct PservSettings: Sendable, Hashable {
  package var name: AgentName
  package var regions: [Endpoint]
  package var tokenFile: String
  /// `nil`: cleartext.
  package var tlsCA: String?
  package var state: String
  /// Interface to fabric; at most `interfacesMax`.
  package var interfaces: [String: FabricName]
  package var probeTimeout: Duration
  package var memoryMaxBytes: Int
  /// The account that the DHCP server runs under; see `KeaAccount`.
  package var dhcpUser: String
  package var tftpPort: UInt16
  package var tftpRoot: String
  package var httpPort: UInt16
  package var bootRoot: String
  package var healthListen: [Endpoint]
  package var logLevel: String
  package var logsJSON: Bool

  package static let interfacesMax = 256
  /// As the kernel limits it (IFNAMSIZ less its NUL).
  package static let interfaceOctetsMax = 15

  /// The mirror's database.
  package var mirrorPath: String { state + "/mirror.db" }
  package var lockPath: String { state + "/lock" }

  /// Reads every key from `resolver`.
  ///
  /// - Parameter hostName: The machine's name; its part before the first dot is the default name.
  /// - Throws: All problems at once; the file's own problems come first.
  package init(
    _ resolver: SettingsResolver, hostName: String, fileProblems: [SettingsProblem] = []
  ) throws(SettingsProblems) {
    var reader = SettingsReader(resolver: resolver, problems: fileProblems)
    name = reader.agentName(hostName: hostName)
    regions = reader.endpoints(.regions)
    tokenFile = reader.path(.tokenFile)
    let ca = reader.text(.tlsCA)
    tlsCA = ca
    state = reader.path(.state)
    interfaces = reader.interfaces(.interfaces)
    _ = reader.choice(.dhcpBackend)
    _ = reader.choice(.foreignServer)
    probeTimeout = reader.duration(.probeTimeout, in: .milliseconds(100) ... .seconds(30))
    memoryMaxBytes = reader.size(.memoryMax, in: (64 << 20)...(1 << 40))
    dhcpUser = reader.text(.dhcpUser) ?? SettingKey.dhcpUser.fallback
    tftpPort = reader.port(.tftpListen)
    tftpRoot = reader.text(.tftpRoot) ?? state + "/tftp"
    httpPort = reader.port(.httpListen)
    bootRoot = reader.path(.bootRoot)
    healthListen = reader.endpoints(.healthListen)
    logLevel = reader.choice(.logLevel)
    logsJSON = reader.choice(.logFormat) == "json"

    if regions.isEmpty { reader.report(.regions, "must name at least one address of the region") }
    if let region = regions.first(where: { !$0.isLocal && ca == nil }) {
      reader.report(.regions, "\(region) is another machine, which requires TLS. Set tls.ca to the certificates that sign the region's")
    }
    if interfaces.isEmpty {
      reader.report(.interfaces, "must name at least one interface with its fabric, as in {eno2: default}; there is no default: the agent never answers on a link that nobody named")
    }
    if let endpoint = healthListen.first(where: { !$0.isLocal }) {
      reader.report(.healthListen, "\(endpoint) is not loopback; the health listener is cleartext. Use 127.0.0.1 or a unix socket")
    }
    guard reader.problems.isEmpty else { throw SettingsProblems(reader.problems) }
  }

  /// What the agent works out by itself where nobody set a key, for `--check-config`.
  package var computedDefaults: [SettingKey: String] { [.name: name.text, .tftpRoot: tftpRoot] }
}
