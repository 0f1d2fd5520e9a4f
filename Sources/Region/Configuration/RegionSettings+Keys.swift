internal import RPC
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
    path: "health.listen", kind: .addresses, fallback: "127.0.0.1:7611", summary: "where to serve /healthz, /readyz and /metrics")
  package static let storeEngine = SettingKey(
    path: "store.engine", kind: .choice(["sqlite"]), fallback: "sqlite", summary: "the store's engine")
  package static let storePath = SettingKey(
    path: "store.path", kind: .path, fallback: "/var/lib/muster/region/muster.db", summary: "the database's file")
  package static let agentLease = SettingKey(
    path: "agents.lease", kind: .duration, fallback: "10s", summary: "how long an agent is believed without a renewal")
  package static let agentOfflineAfter = SettingKey(
    path: "agents.offline_after", kind: .duration, fallback: "15s", summary: "silence after which an agent is offline")
  package static let eventsKeep = SettingKey(
    path: "events.keep", kind: .duration, fallback: "7d", summary: "how long events are kept, 60s to 366d; of more than a million the oldest go")
}

extension RegionSettings {
  /// Every key there is, in the order of the file.
  package static let keys: [SettingKey] =
    [
      .listen, .tlsCertificate, .tlsKey, .tokensFile, .healthListen, .storeEngine, .storePath, .agentLease,
      .agentOfflineAfter,
    ] + SettingKey.limits + [.eventsKeep, .logLevel, .logFormat]
}

/// What the RPC server allows, with its own names, words and defaults.
extension SettingKey {
  package static let limits: [SettingKey] = LimitSetting.all.map { limit in
    let kind: Kind =
      switch limit.kind {
      case .count: .count
      case .size: .size
      case .duration: .duration
      case .rate: .rate
      }
    let isCommon = [messageMaxName, connectionsMaxName].contains(limit.name)
    return SettingKey(
      path: limitPrefix + limit.name, kind: kind, fallback: limit.word(in: ServerLimits()), summary: limit.summary,
      sharedFlag: isCommon ? nil : "limit \(limit.name)")
  }

  /// The key of a limit; nil when there is no limit of that name.
  package static func limit(_ name: String) -> SettingKey? {
    limits.first { $0.path == limitPrefix + name }
  }

  package static let messageMax = limit(messageMaxName)!
  package static let connectionsMax = limit(connectionsMaxName)!

  private static let limitPrefix = "limits."
  private static let messageMaxName = "message_max"
  private static let connectionsMaxName = "connections_max"
}
