import ArgumentParser
import Region
import ServiceProgram
import Settings

/// One option for each setting; they beat the environment and the file.
struct SettingFlags: ParsableArguments {
  @Option(help: ArgumentHelp(.listen)) var listen: [String] = []
  @Option(help: ArgumentHelp(.tlsCertificate)) var tlsCertificate: String?
  @Option(help: ArgumentHelp(.tlsKey)) var tlsKey: String?
  @Option(help: ArgumentHelp(.tokensFile)) var authTokensFile: String?
  @Option(help: ArgumentHelp(.healthListen)) var healthListen: [String] = []
  @Option(help: ArgumentHelp(.storeEngine)) var storeEngine: String?
  @Option(help: ArgumentHelp(.storePath)) var storePath: String?
  @Option(help: ArgumentHelp(.agentLease)) var agentsLease: String?
  @Option(help: ArgumentHelp(.agentOfflineAfter)) var agentsOfflineAfter: String?
  @Option(help: ArgumentHelp(.messageMax)) var limitsMessageMax: String?
  @Option(help: ArgumentHelp(.connectionsMax)) var limitsConnectionsMax: String?
  @Option(
    help: ArgumentHelp(
      "A limit of the section 'limits', for example resets_received=1000+100/s; may be repeated. --check-config lists them.",
      valueName: "name=value"))
  var limit: [String] = []
  @Option(help: ArgumentHelp(.eventsKeep)) var eventsKeep: String?
  @Option(help: ArgumentHelp(.logLevel)) var logLevel: String?
  @Option(help: ArgumentHelp(.logFormat)) var logFormat: String?

  /// What was given, by key.
  var given: [SettingKey: [String]] {
    var given: [SettingKey: [String]] = [:]
    let single: [(SettingKey, String?)] = [
      (.tlsCertificate, tlsCertificate), (.tlsKey, tlsKey), (.tokensFile, authTokensFile), (.storeEngine, storeEngine),
      (.storePath, storePath), (.agentLease, agentsLease), (.agentOfflineAfter, agentsOfflineAfter),
      (.messageMax, limitsMessageMax), (.connectionsMax, limitsConnectionsMax), (.eventsKeep, eventsKeep),
      (.logLevel, logLevel), (.logFormat, logFormat),
    ]
    for case (let key, let value?) in single { given[key] = [value] }
    for word in limit {
      if let (key, value) = Self.limit(word) { given[key] = [value] }
    }
    if !listen.isEmpty { given[.listen] = listen }
    if !healthListen.isEmpty { given[.healthListen] = healthListen }
    return given
  }

  func validate() throws {
    for word in limit where Self.limit(word) == nil {
      throw ValidationError("--limit takes NAME=VALUE with a name of the section 'limits', not '\(word)'")
    }
  }

  private static func limit(_ word: String) -> (SettingKey, String)? {
    let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let key = SettingKey.limit(parts[0]) else { return nil }
    return (key, parts[1])
  }
}
