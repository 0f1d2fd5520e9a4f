import ArgumentParser
import Region

/// One option for each setting; they beat the environment and the file.
struct SettingFlags: ParsableArguments {
  @Option(help: Self.help(.listen)) var listen: [String] = []
  @Option(help: Self.help(.tlsCertificate)) var tlsCertificate: String?
  @Option(help: Self.help(.tlsKey)) var tlsKey: String?
  @Option(help: Self.help(.tokensFile)) var authTokensFile: String?
  @Option(help: Self.help(.healthListen)) var healthListen: [String] = []
  @Option(help: Self.help(.storeEngine)) var storeEngine: String?
  @Option(help: Self.help(.storePath)) var storePath: String?
  @Option(help: Self.help(.agentLease)) var agentsLease: String?
  @Option(help: Self.help(.agentOfflineAfter)) var agentsOfflineAfter: String?
  @Option(help: Self.help(.messageMax)) var limitsMessageMax: String?
  @Option(help: Self.help(.connectionsMax)) var limitsConnectionsMax: String?
  @Option(help: Self.help(.eventsKeep)) var eventsKeep: String?
  @Option(help: Self.help(.logLevel)) var logLevel: String?
  @Option(help: Self.help(.logFormat)) var logFormat: String?

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
    if !listen.isEmpty { given[.listen] = listen }
    if !healthListen.isEmpty { given[.healthListen] = healthListen }
    return given
  }

  private static func help(_ key: SettingKey) -> ArgumentHelp {
    var choices = ""
    if case .choice(let words) = key.kind { choices = " (\(words.joined(separator: ", ")))" }
    let repeated = key.kind == .addresses ? "; may be repeated" : ""
    let fallback = key.fallback.isEmpty ? "" : " Default: \(key.fallback)."
    let summary = key.summary.prefix(1).uppercased() + key.summary.dropFirst()
    return ArgumentHelp("\(summary)\(choices)\(repeated).\(fallback)", valueName: valueName(key))
  }

  private static func valueName(_ key: SettingKey) -> String {
    switch key.kind {
    case .addresses: "address"
    case .path: "path"
    case .choice: "word"
    case .duration: "duration"
    case .size: "size"
    case .count: "count"
    }
  }
}
