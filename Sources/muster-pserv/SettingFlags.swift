import ArgumentParser
import Pserv
import ServiceProgram
import Settings

/// One option for each setting; they beat the environment and the file.
struct SettingFlags: ParsableArguments {
  @Option(help: ArgumentHelp(.name)) var name: String?
  @Option(help: ArgumentHelp(.regions)) var regions: [String] = []
  @Option(help: ArgumentHelp(.tokenFile)) var tokenFile: String?
  @Option(help: ArgumentHelp(.tlsCA)) var tlsCa: String?
  @Option(help: ArgumentHelp(.state)) var state: String?
  @Option(help: ArgumentHelp(.interfaces)) var interfaces: [String] = []
  @Option(help: ArgumentHelp(.dhcpBackend)) var dhcpBackend: String?
  @Option(help: ArgumentHelp(.foreignServer)) var dhcpForeignServer: String?
  @Option(help: ArgumentHelp(.probeTimeout)) var dhcpProbeTimeout: String?
  @Option(help: ArgumentHelp(.memoryMax)) var dhcpMemoryMax: String?
  @Option(help: ArgumentHelp(.dhcpUser)) var dhcpUser: String?
  @Option(help: ArgumentHelp(.tftpListen)) var tftpListen: String?
  @Option(help: ArgumentHelp(.tftpRoot)) var tftpRoot: String?
  @Option(help: ArgumentHelp(.httpListen)) var httpListen: String?
  @Option(help: ArgumentHelp(.bootRoot)) var bootRoot: String?
  @Option(help: ArgumentHelp(.healthListen)) var healthListen: [String] = []
  @Option(help: ArgumentHelp(.logLevel)) var logLevel: String?
  @Option(help: ArgumentHelp(.logFormat)) var logFormat: String?

  /// What was given, by key.
  var given: [SettingKey: [String]] {
    var given: [SettingKey: [String]] = [:]
    let single: [(SettingKey, String?)] = [
      (.name, name), (.tokenFile, tokenFile), (.tlsCA, tlsCa), (.state, state), (.dhcpBackend, dhcpBackend),
      (.foreignServer, dhcpForeignServer), (.probeTimeout, dhcpProbeTimeout), (.memoryMax, dhcpMemoryMax),
      (.dhcpUser, dhcpUser),
      (.tftpListen, tftpListen), (.tftpRoot, tftpRoot), (.httpListen, httpListen), (.bootRoot, bootRoot),
      (.logLevel, logLevel), (.logFormat, logFormat),
    ]
    for case (let key, let value?) in single { given[key] = [value] }
    for (key, words) in [(SettingKey.regions, regions), (.interfaces, interfaces), (.healthListen, healthListen)]
    where !words.isEmpty {
      given[key] = words
    }
    return given
  }
}
