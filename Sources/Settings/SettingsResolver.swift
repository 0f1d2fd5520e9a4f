internal import Configuration

/// Layers the sources of the configuration: a flag beats the environment, the environment the file, the file the
/// default. An environment variable that is set to nothing counts as not set.
package struct SettingsResolver: Sendable {
  /// A setting's words and where they came from.
  package struct Resolved: Sendable, Hashable {
    package var words: [String]
    /// `default`, `/etc/muster/region.yaml:3`, `MUSTER_LISTEN`, `--listen`.
    package var source: String
  }

  private let flags: InMemoryProvider
  private let environment: KeyMappingProvider<EnvironmentVariablesProvider>
  private let file: InMemoryProvider
  private let lines: [SettingKey: String]

  /// - Parameters:
  ///   - flags: What the command line gave, by key.
  ///   - environment: The process's environment.
  ///   - file: The configuration file, if there is one.
  package init(flags: [SettingKey: [String]], environment: [String: String], file: SettingsFile?) {
    self.flags = InMemoryProvider(name: "flags", values: Self.values(flags))
    self.environment = EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty })
      .prefixKeys(with: "muster")
    let entries = file?.entries ?? [:]
    self.file = InMemoryProvider(name: "file", values: Self.values(entries.mapValues(\.words)))
    let name = file?.name ?? ""
    self.lines = entries.mapValues { "\(name):\($0.line)" }
  }

  /// The words that hold for `key`.
  package func resolve(_ key: SettingKey) -> Resolved {
    let layers: [(any ConfigProvider, String)] = [
      (flags, "--\(key.flag)"),
      (environment, key.environmentName),
      (file, lines[key] ?? ""),
    ]
    for (provider, source) in layers {
      if let words = words(of: key, from: provider) { return Resolved(words: words, source: source) }
    }
    return Resolved(words: key.fallback.isEmpty ? [] : [key.fallback], source: "default")
  }

  private func words(of key: SettingKey, from provider: any ConfigProvider) -> [String]? {
    // Every layer is asked for lists of strings, which none of them can fail to give; types are checked in one
    // place afterwards, where the message can name the source.
    guard
      case .success(let found) = Result(catching: {
        try provider.value(forKey: AbsoluteConfigKey(ConfigKey(key.path)), type: .stringArray)
      }),
      case .stringArray(let words)? = found.value?.content
    else { return nil }
    return words
  }

  private static func values(_ words: [SettingKey: [String]]) -> [AbsoluteConfigKey: ConfigValue] {
    Dictionary(
      uniqueKeysWithValues: words.map { key, words in
        (AbsoluteConfigKey(ConfigKey(key.path)), ConfigValue(.stringArray(words), isSecret: false))
      })
  }

  /// What `--check-config` prints: each effective value with its source, in the order of `keys`.
  ///
  /// - Parameter computed: What the program worked out for keys that nobody set.
  package func effective(_ keys: [SettingKey], computed: [SettingKey: String] = [:]) -> [String] {
    let rows = keys.map { key in
      let resolved = resolve(key)
      let value = resolved.words.isEmpty ? computed[key] ?? "-" : resolved.words.joined(separator: ", ")
      return (key.path, value, resolved.source)
    }
    let keyWidth = rows.map(\.0.count).max() ?? 0
    let valueWidth = rows.map(\.1.count).max() ?? 0
    return rows.map { key, value, source in
      Self.padded(key, to: keyWidth + 2) + Self.padded(value, to: valueWidth + 2) + source
    }
  }

  private static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
