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
  package var messageBytesMax: Int
  package var connectionsMax: Int
  package var eventsKeep: Duration
  package var logLevel: String
  package var logsJSON: Bool

  /// Reads every key from `resolver`.
  ///
  /// - Throws: All problems at once; the file's own problems come first.
  package init(_ resolver: SettingsResolver, fileProblems: [SettingsProblem] = []) throws(SettingsProblems) {
    var reader = Reader(resolver: resolver, problems: fileProblems)
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
    messageBytesMax = reader.size(.messageMax, in: (64 << 10)...(64 << 20))
    connectionsMax = reader.count(.connectionsMax, in: 1...1_000_000)
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

  /// What `--check-config` prints: each effective value with its source, in the order of the file.
  package static func effective(_ resolver: SettingsResolver) -> [String] {
    let rows = SettingKey.all.map { key in
      let resolved = resolver.resolve(key)
      return (key.path, resolved.words.isEmpty ? "-" : resolved.words.joined(separator: ", "), resolved.source)
    }
    let keyWidth = rows.map(\.0.count).max() ?? 0
    let valueWidth = rows.map(\.1.count).max() ?? 0
    return rows.map { key, value, source in
      key.padded(to: keyWidth + 2) + value.padded(to: valueWidth + 2) + source
    }
  }
}

/// Parses words by kind and collects what is wrong with them.
private struct Reader {
  let resolver: SettingsResolver
  var problems: [SettingsProblem]

  mutating func report(_ key: SettingKey, _ message: String) {
    problems.append(SettingsProblem(source: resolver.resolve(key).source, key: key.path, message: message))
  }

  /// The one word of `key`, or nil when it is not set.
  mutating func text(_ key: SettingKey) -> String? {
    let words = resolver.resolve(key).words
    if words.count > 1, key.kind != .addresses {
      // A comma in an environment variable makes a list of what is one path.
      return words.joined(separator: ",")
    }
    return words.first.flatMap { $0.isEmpty ? nil : $0 }
  }

  mutating func endpoints(_ key: SettingKey) -> [Endpoint] {
    resolver.resolve(key).words.filter { !$0.isEmpty }.compactMap { word in
      guard let endpoint = Endpoint(word) else {
        report(key, "'\(word)' is not an address. Write host:port, [IPv6]:port or unix:/path")
        return nil
      }
      return endpoint
    }
  }

  mutating func choice(_ key: SettingKey) -> String {
    guard case .choice(let choices) = key.kind else { preconditionFailure("\(key.path) is not a choice") }
    let word = text(key) ?? key.fallback
    guard choices.contains(word) else {
      report(key, "'\(word)' is not one of \(choices.joined(separator: ", "))")
      return key.fallback
    }
    return word
  }

  mutating func duration(_ key: SettingKey, in range: ClosedRange<Duration>) -> Duration {
    let word = text(key) ?? key.fallback
    guard let value = Duration(setting: word) else {
      report(key, "'\(word)' is not a duration. Write a number and ms, s, m, h or d, for example \(key.fallback)")
      return range.lowerBound
    }
    return checked(value, key, in: range) { $0.spoken }
  }

  mutating func size(_ key: SettingKey, in range: ClosedRange<Int>) -> Int {
    let word = text(key) ?? key.fallback
    guard let value = sizeBytes(setting: word) else {
      report(key, "'\(word)' is not a size. Write a number and KiB, MiB or GiB, for example \(key.fallback)")
      return range.lowerBound
    }
    return checked(value, key, in: range) { "\($0 >> 10)KiB" }
  }

  mutating func count(_ key: SettingKey, in range: ClosedRange<Int>) -> Int {
    let word = text(key) ?? key.fallback
    guard let value = Int(word) else {
      report(key, "'\(word)' is not a whole number")
      return range.lowerBound
    }
    return checked(value, key, in: range) { "\($0)" }
  }

  mutating func tls(certificate: String?, key: String?) -> RegionSettings.TLS? {
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return RegionSettings.TLS(certificatePath: certificate, keyPath: key)
    case (nil, _): report(.tlsCertificate, "is not set although tls.key is. Set both or none")
    case (_, nil): report(.tlsKey, "is not set although tls.certificate is. Set both or none")
    }
    return nil
  }

  private mutating func checked<Value: Comparable>(
    _ value: Value, _ key: SettingKey, in range: ClosedRange<Value>, _ spoken: (Value) -> String
  ) -> Value {
    guard range.contains(value) else {
      report(key, "\(spoken(value)) is out of range. Use \(spoken(range.lowerBound)) to \(spoken(range.upperBound))")
      return range.lowerBound
    }
    return value
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
