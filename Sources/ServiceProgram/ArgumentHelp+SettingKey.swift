package import ArgumentParser
package import Settings

extension ArgumentHelp {
  /// What `--help` says of the flag of `key`.
  package init(_ key: SettingKey) {
    var choices = ""
    if case .choice(let words) = key.kind { choices = " (\(words.joined(separator: ", ")))" }
    let fallback = key.fallback.isEmpty ? "" : " Default: \(key.fallback)."
    let summary = key.summary.prefix(1).uppercased() + key.summary.dropFirst()
    self.init(
      "\(summary)\(choices)\(key.isRepeated ? "; may be repeated" : "").\(fallback)", valueName: Self.valueName(key))
  }

  private static func valueName(_ key: SettingKey) -> String {
    switch key.kind {
    case .word, .choice: "word"
    case .addresses: "address"
    case .path: "path"
    case .duration: "duration"
    case .size: "size"
    case .count: "count"
    case .rate: "rate"
    case .interfaces: "interface=fabric"
    }
  }
}
