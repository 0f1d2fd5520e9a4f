/// One thing an operator can set, under one name everywhere: `store.path` in the file, `MUSTER_STORE_PATH` in the
/// environment, `--store-path` on the command line.
package struct SettingKey: Sendable, Hashable {
  /// What a value looks like; decides how it is parsed and how a wrong one is explained.
  package enum Kind: Sendable, Hashable {
    /// `host:port` or `unix:/path`; a file may give a list.
    case addresses
    case path
    case choice([String])
    /// A whole number and one of `ms s m h d`.
    case duration
    /// A whole number of octets, or one with `KiB`, `MiB`, `GiB`.
    case size
    case count
  }

  package let path: String
  package let kind: Kind
  /// What holds when nobody sets it, in the words of the file; empty for "not set".
  package let fallback: String
  /// One line for `--help`.
  package let summary: String

  /// `MUSTER_STORE_PATH`.
  package var environmentName: String {
    "MUSTER_" + String(path.uppercased().map { $0 == "." ? "_" : $0 })
  }

  /// `store-path`, without the dashes before it.
  package var flag: String {
    String(path.map { $0 == "." || $0 == "_" ? "-" : $0 })
  }
}

extension SettingKey {
  package static let listen = SettingKey(
    path: "listen", kind: .addresses, fallback: "127.0.0.1:7610",
    summary: "where to serve: host:port or unix:/path; others than loopback require tls and auth")
  package static let tlsCertificate = SettingKey(
    path: "tls.certificate", kind: .path, fallback: "", summary: "certificate chain, PEM")
  package static let tlsKey = SettingKey(
    path: "tls.key", kind: .path, fallback: "", summary: "private key, PEM")
  package static let tokensFile = SettingKey(
    path: "auth.tokens_file", kind: .path, fallback: "", summary: "operators' tokens: lines of name, role, SHA-256")
  package static let healthListen = SettingKey(
    path: "health.listen", kind: .addresses, fallback: "127.0.0.1:7611", summary: "where to serve /healthz and /readyz")
  package static let storeEngine = SettingKey(
    path: "store.engine", kind: .choice(["sqlite"]), fallback: "sqlite", summary: "the store's engine")
  package static let storePath = SettingKey(
    path: "store.path", kind: .path, fallback: "/var/lib/muster/region/muster.db", summary: "the database's file")
  package static let agentLease = SettingKey(
    path: "agents.lease", kind: .duration, fallback: "10s", summary: "how long an agent is believed without a renewal")
  package static let agentOfflineAfter = SettingKey(
    path: "agents.offline_after", kind: .duration, fallback: "15s", summary: "silence after which an agent is offline")
  package static let messageMax = SettingKey(
    path: "limits.message_max", kind: .size, fallback: "4MiB", summary: "largest message accepted")
  package static let connectionsMax = SettingKey(
    path: "limits.connections_max", kind: .count, fallback: "20000", summary: "connections at a time")
  package static let eventsKeep = SettingKey(
    path: "events.keep", kind: .duration, fallback: "7d", summary: "how long events are kept")
  package static let logLevel = SettingKey(
    path: "log.level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
    fallback: "info", summary: "least severe level that is logged")
  package static let logFormat = SettingKey(
    path: "log.format", kind: .choice(["text", "json"]), fallback: "text", summary: "how log lines are written")

  /// Every key there is, in the order of the file.
  package static let all: [SettingKey] = [
    .listen, .tlsCertificate, .tlsKey, .tokensFile, .healthListen, .storeEngine, .storePath, .agentLease,
    .agentOfflineAfter, .messageMax, .connectionsMax, .eventsKeep, .logLevel, .logFormat,
  ]
}
