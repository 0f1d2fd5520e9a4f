/// One thing an operator can set, under one name everywhere: `store.path` in the file, `MUSTER_STORE_PATH` in the
/// environment, `--store-path` on the command line.
package struct SettingKey: Sendable, Hashable {
  /// What a value looks like; decides how it is parsed and how a wrong one is explained.
  package enum Kind: Sendable, Hashable {
    /// A word: a name.
    case word
    /// `host:port`, `:port` or `unix:/path`; a file may give a list.
    case addresses
    case path
    case choice([String])
    /// A whole number and one of `ms s m h d`.
    case duration
    /// A whole number of octets, or one with `KiB`, `MiB`, `GiB`.
    case size
    /// A whole number.
    case count
    /// `BURST+RATE/s`.
    case rate
    /// `interface=fabric`, several with commas; a mapping in the file.
    case interfaces
  }

  package let path: String
  package let kind: Kind
  /// What holds when nobody sets it, in the words of the file; empty for "not set".
  package let fallback: String
  /// One line for `--help`.
  package let summary: String
  /// The flag and its word, for a key that has no flag of its own.
  private let sharedFlag: String?

  /// A file may give a list of words, the command line the flag several times.
  package var isRepeated: Bool { kind == .addresses || kind == .interfaces }

  package init(path: String, kind: Kind, fallback: String, summary: String, sharedFlag: String? = nil) {
    self.sharedFlag = sharedFlag
    self.path = path
    self.kind = kind
    self.fallback = fallback
    self.summary = summary
  }

  /// `MUSTER_STORE_PATH`.
  package var environmentName: String {
    "MUSTER_" + String(path.uppercased().map { $0 == "." ? "_" : $0 })
  }

  /// `store-path`, without the dashes before it.
  package var flag: String {
    sharedFlag ?? String(path.map { $0 == "." || $0 == "_" ? "-" : $0 })
  }
}

/// Keys that every service of ours has.
extension SettingKey {
  package static let logLevel = SettingKey(
    path: "log.level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
    fallback: "info", summary: "least severe level that is logged")
  package static let logFormat = SettingKey(
    path: "log.format", kind: .choice(["text", "json"]), fallback: "text", summary: "how log lines are written")
}
