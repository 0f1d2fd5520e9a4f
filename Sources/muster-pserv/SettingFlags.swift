import ArgumentParser
import Pserv

/// One option for each setting; they beat the environment and the file.
struct SettingFlags: ParsableArguments {
  @Option(help: Self.help(.name)) var name: String?
  @Option(help: Self.help(.regions)) var regions: [String] = []
  @Option(help: Self.help(.tokenFile)) var tokenFile: String?
  @Option(help: Self.help(.tlsCA)) var tlsCa: String?
  @Option(help: Self.help(.state)) var state: String?
  @Option(help: Self.help(.interfaces)) var interfaces: [String] = []
  @Option(help: Self.help(.dhcpBackend)) var dhcpBackend: String?
  @Option(help: Self.help(.foreignServer)) var dhcpForeignServer: String?
  @Option(help: Self.help(.probeTimeout)) var dhcpProbeTimeout: String?
  @Option(help: Self.help(.memoryMax)) var dhcpMemoryMax: String?
  @Option(help: Self.help(.tftpListen)) var tftpListen: String?
  @Option(help: Self.help(.tftpRoot)) var tftpRoot: String?
  @Option(help: Self.help(.httpListen)) var httpListen: String?
  @Option(help: Self.help(.bootRoot)) var bootRoot: String?
  @Option(help: Self.help(.healthListen)) var healthListen: [String] = []
  @Option(help: Self.help(.logLevel)) var logLevel: String?
  @Option(help: Self.help(.logFormat)) var logFormat: String?

  /// What was given, by key.
  var given: [SettingKey: [String]] {
    var given: [SettingKey: [String]] = [:]
    let single: [(SettingKey, String?)] = [
      (.name, name), (.tokenFile, tokenFile), (.tlsCA, tlsCa), (.state, state), (.dhcpBackend, dhcpBackend),
      (.foreignServer, dhcpForeignServer), (.probeTimeout, dhcpProbeTimeout), (.memoryMax, dhcpMemoryMax),
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

  private static func help(_ key: SettingKey) -> ArgumentHelp {
    var choices = ""
    if case .choice(let words) = key.kind { choices = " (\(words.joined(separator: ", ")))" }
    let isRepeated = [SettingKey.regions, .interfaces, .healthListen].contains(key)
    let fallback = key.fallback.isEmpty ? "" : " Default: \(key.fallback)."
    let summary = key.summary.prefix(1).uppercased() + key.summary.dropFirst()
    return ArgumentHelp(
      "\(summary)\(choices)\(isRepeated ? "; may be repeated" : "").\(fallback)", valueName: valueName(key))
  }

  private static func valueName(_ key: SettingKey) -> String {
    switch key.kind {
    case .word, .choice: "word"
    case .addresses: "address"
    case .path: "path"
    case .duration: "duration"
    case .size: "size"
    case .interfaces: "interface=fabric"
    }
  }
}
