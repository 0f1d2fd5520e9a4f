/// One thing wrong with the configuration, with where it came from.
package struct SettingsProblem: Error, Sendable, Hashable {
  /// `/etc/muster/region.yaml:3`, `MUSTER_LISTEN`, `--listen`.
  package var source: String
  /// The setting's path, or the unknown key; empty when the whole file is meant.
  package var key: String
  /// One or two sentences; the second says the way out.
  package var message: String

  package init(source: String, key: String, message: String) {
    self.source = source
    self.key = key
    self.message = message
  }
}

extension SettingsProblem: CustomStringConvertible {
  package var description: String {
    key.isEmpty ? "\(source): \(message)" : "\(source): \(key): \(message)"
  }
}

/// All problems of one reading: an operator corrects them in one go.
package struct SettingsProblems: Error, Sendable, Hashable {
  package var problems: [SettingsProblem]

  package init(_ problems: [SettingsProblem]) {
    self.problems = problems
  }
}
