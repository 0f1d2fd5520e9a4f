package import Settings

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
    path: "events.keep", kind: .duration, fallback: "7d", summary: "how long events are kept, 60s to 366d; of more than a million the oldest go")
}

extension RegionSettings {
  /// Every key there is, in the order of the file.
  package static let keys: [SettingKey] = [
    .listen, .tlsCertificate, .tlsKey, .tokensFile, .healthListen, .storeEngine, .storePath, .agentLease,
    .agentOfflineAfter, .messageMax, .connectionsMax, .eventsKeep, .logLevel, .logFormat,
  ]
}
