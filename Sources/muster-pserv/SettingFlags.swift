import ArgumentParser
import Pserv

/// One option for each setting; they beat the environment and the file.
struct SettingFlags: ParsableArguments {
  @Option(help: "The agent's name in the region.") var name: String?
  @Option(help: "An address of the region; may be repeated.") var regions: [String] = []
  @Option(help: "File with the one-time enrolment token.") var tokenFile: String?
  @Option(help: "Certificates that sign the region's, PEM.") var tlsCa: String?
  @Option(help: "Directory of what the agent remembers.") var state: String?
  @Option(help: "An interface and its fabric, as in eno2=default; may be repeated.") var interfaces: [String] = []
  @Option(help: "The DHCP server: kea.") var dhcpBackend: String?
  @Option(help: "What to do about a foreign DHCP server: refuse.") var dhcpForeignServer: String?
  @Option(help: "How long the DHCP server may take to answer a probe.") var dhcpProbeTimeout: String?
  @Option(help: "Memory above which the DHCP server is restarted.") var dhcpMemoryMax: String?
  @Option(help: "Port of the loaders.") var tftpListen: String?
  @Option(help: "Directory of the loaders.") var tftpRoot: String?
  @Option(help: "Port of boot scripts, files and phone-home.") var httpListen: String?
  @Option(help: "Directory of kernels and initrds.") var bootRoot: String?
  @Option(help: "Where to serve /healthz and /readyz.") var healthListen: String?
  @Option(help: "Least severe level that is logged.") var logLevel: String?
  @Option(help: "How log lines are written: text or json.") var logFormat: String?

  /// What was given, by key.
  var given: [SettingKey: [String]] {
    var given: [SettingKey: [String]] = [:]
    let single: [(SettingKey, String?)] = [
      (.name, name), (.tokenFile, tokenFile), (.tlsCA, tlsCa), (.state, state), (.dhcpBackend, dhcpBackend),
      (.foreignServer, dhcpForeignServer), (.probeTimeout, dhcpProbeTimeout), (.memoryMax, dhcpMemoryMax),
      (.tftpListen, tftpListen), (.tftpRoot, tftpRoot), (.httpListen, httpListen), (.bootRoot, bootRoot),
      (.healthListen, healthListen), (.logLevel, logLevel), (.logFormat, logFormat),
    ]
    for case (let key, let value?) in single { given[key] = [value] }
    if !regions.isEmpty { given[.regions] = regions }
    if !interfaces.isEmpty { given[.interfaces] = interfaces }
    return given
  }
}
