internal import Provisioning

/// Parses words by kind and collects what is wrong with them.
struct SettingsReader {
  let resolver: SettingsResolver
  var problems: [SettingsProblem]

  mutating func report(_ key: SettingKey, _ message: String) {
    problems.append(SettingsProblem(source: resolver.resolve(key).source, key: key.path, message: message))
  }

  /// The one word of `key`, or nil when it is not set.
  mutating func text(_ key: SettingKey) -> String? {
    let words = resolver.resolve(key).words
    // A comma in an environment variable makes a list of what is one path.
    let text = words.joined(separator: ",")
    return text.isEmpty ? nil : text
  }

  /// A path from the root: the agent's working directory says nothing.
  mutating func path(_ key: SettingKey) -> String {
    let text = text(key) ?? key.fallback
    if !text.hasPrefix("/") { report(key, "'\(text)' is not an absolute path. Write it from /") }
    return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  mutating func agentName(hostName: String) -> AgentName {
    let word = text(.name) ?? String(hostName.prefix { $0 != "." })
    do throws(ResourceNameError) { return try AgentName(word) } catch {
      report(.name, "'\(printable(word, octetsMax: 64))' is \(error). \(error.fix)")
      return "invalid"
    }
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

  /// Links decide on the address, so only a port can be chosen.
  mutating func port(_ key: SettingKey) -> UInt16 {
    let word = text(key) ?? key.fallback
    guard case .tcp(host: "", let port)? = Endpoint(word), port > 0 else {
      report(key, "'\(word)' is not a port. Write it as '\(key.fallback)'; it is served on the addresses of served links only")
      return 1
    }
    return port
  }

  mutating func interfaces(_ key: SettingKey) -> [String: FabricName] {
    var interfaces: [String: FabricName] = [:]
    for word in resolver.resolve(key).words where !word.isEmpty {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      guard Self.isInterface(name) else {
        report(key, "'\(printable(name, octetsMax: 64))' is not an interface's name. Write 1 to 15 characters without '/' and spaces")
        continue
      }
      guard interfaces[name] == nil else {
        report(key, "\(name) is given twice. Remove one of them")
        continue
      }
      do throws(ResourceNameError) {
        interfaces[name] = try FabricName(parts.count == 2 ? parts[1] : "")
      } catch {
        report(key, "the fabric of \(name) is \(error). \(error.fix)")
      }
    }
    if interfaces.count > PservSettings.interfacesMax {
      report(key, "\(interfaces.count) interfaces; at most \(PservSettings.interfacesMax) can be served")
    }
    return interfaces
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
    return checked(value, key, in: range) { "\($0 >> 20)MiB" }
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

  /// As the kernel takes them (dev_valid_name), and printable.
  private static func isInterface(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= PservSettings.interfaceOctetsMax
      && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
  }
}
