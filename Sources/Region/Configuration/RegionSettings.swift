internal import Provisioning
package import RPC
package import Settings

/// Everything an operator decides about a region, checked.
package struct RegionSettings: Sendable, Hashable {
  package struct TLS: Sendable, Hashable {
    package var certificatePath: String
    package var keyPath: String
  }

  package var listen: [Endpoint]
  package var tls: TLS?
  package var tokensFile: String?
  package var healthListen: [Endpoint]
  package var storePath: String
  package var agentLease: Duration
  package var agentOfflineAfter: Duration
  /// What the RPC server allows.
  package var limits: ServerLimits
  package var eventsKeep: Duration
  package var logLevel: String
  package var logsJSON: Bool

  /// Reads every key from `resolver`.
  ///
  /// - Throws: All problems at once; the file's own problems come first.
  package init(_ resolver: SettingsResolver, fileProblems: [SettingsProblem] = []) throws(SettingsProblems) {
    var reader = SettingsReader(resolver: resolver, problems: fileProblems)
    listen = reader.endpoints(.listen)
    let certificate = reader.text(.tlsCertificate)
    let key = reader.text(.tlsKey)
    tls = reader.tls(certificate: certificate, key: key)
    tokensFile = reader.text(.tokensFile)
    healthListen = reader.endpoints(.healthListen)
    _ = reader.choice(.storeEngine)
    storePath = reader.text(.storePath) ?? ""
    agentLease = reader.duration(.agentLease, in: .seconds(1) ... .seconds(3_600))
    agentOfflineAfter = reader.duration(.agentOfflineAfter, in: .seconds(1) ... .seconds(86_400))
    limits = reader.limits()
    eventsKeep = reader.duration(.eventsKeep, in: .seconds(60) ... Housekeeping.eventsKeepMax)
    logLevel = reader.choice(.logLevel)
    logsJSON = reader.choice(.logFormat) == "json"

    if listen.isEmpty { reader.report(.listen, "must name at least one address") }
    if agentOfflineAfter < agentLease {
      reader.report(.agentOfflineAfter, "\(agentOfflineAfter.spoken) is shorter than agents.lease (\(agentLease.spoken)). Make it at least as long")
    }
    for endpoint in listen where !endpoint.isLocal && (tls == nil || tokensFile == nil) {
      let missing = [tls == nil ? "tls.certificate and tls.key" : nil, tokensFile == nil ? "auth.tokens_file" : nil]
        .compactMap(\.self).joined(separator: ", ")
      reader.report(
        .listen, "\(endpoint) can be reached from other machines, which requires TLS and tokens. Set \(missing), or listen on loopback")
    }
    if let endpoint = healthListen.first(where: { !$0.isLocal }) {
      reader.report(.healthListen, "\(endpoint) is not loopback; the health listener is cleartext. Use 127.0.0.1 or a unix socket")
    }
    guard reader.problems.isEmpty else { throw SettingsProblems(reader.problems) }
  }
}

extension SettingsReader {
  fileprivate mutating func limits() -> ServerLimits {
    var limits = ServerLimits()
    for limit in LimitSetting.all {
      guard let key = SettingKey.limit(limit.name), let word = text(key) else { continue }
      do throws(LimitProblem) {
        try limit.set(word, in: &limits)
      } catch {
        report(key, error.message)
      }
    }
    return limits
  }

  fileprivate mutating func tls(certificate: String?, key: String?) -> RegionSettings.TLS? {
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return RegionSettings.TLS(certificatePath: certificate, keyPath: key)
    case (nil, _): report(.tlsCertificate, "is not set although tls.key is. Set both or none")
    case (_, nil): report(.tlsKey, "is not set although tls.certificate is. Set both or none")
    }
    return nil
  }
}
