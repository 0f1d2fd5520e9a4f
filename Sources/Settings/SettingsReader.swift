internal import Provisioning

/// Parses words by kind and collects what is wrong with them.
package struct SettingsReader {
  package let resolver: SettingsResolver
  package private(set) var problems: [SettingsProblem]

  /// - Parameter problems: What is already known to be wrong, such as the file's own problems.
  package init(resolver: SettingsResolver, problems: [SettingsProblem]) {
    self.resolver = resolver
    self.problems = problems
  }

  /// Notes that the value of `key` is wrong, with where it came from.
  package mutating func report(_ key: SettingKey, _ message: String) {
    problems.append(SettingsProblem(source: resolver.resolve(key).source, key: key.path, message: message))
  }

  /// The one word of `key`, or nil when it is not set.
  package mutating func text(_ key: SettingKey) -> String? {
    let words = resolver.resolve(key).words
    // A comma in an environment variable makes a list of what is one path.
    let text = words.joined(separator: ",")
    return text.isEmpty ? nil : text
  }

  /// A path from the root: the working directory of a service says nothing.
  package mutating func path(_ key: SettingKey) -> String {
    let text = text(key) ?? key.fallback
    if !text.hasPrefix("/") { report(key, "'\(text)' is not an absolute path. Write it from /") }
    return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  /// Every address of `key`; what is none is reported and left out.
  package mutating func endpoints(_ key: SettingKey) -> [Endpoint] {
    resolver.resolve(key).words.filter { !$0.isEmpty }.compactMap { word in
      guard let endpoint = Endpoint(word) else {
        report(key, "'\(word)' is not an address. Write host:port, [IPv6]:port or unix:/path")
        return nil
      }
      return endpoint
    }
  }

  /// A port alone, as `:69`: something else decides on the address.
  package mutating func port(_ key: SettingKey) -> UInt16 {
    let word = text(key) ?? key.fallback
    guard case .tcp(host: "", let port)? = Endpoint(word), port > 0 else {
      report(key, "'\(word)' is not a port. Write it as '\(key.fallback)'")
      return 1
    }
    return port
  }

  package mutating func count(_ key: SettingKey, in range: ClosedRange<Int>) -> Int {
    let word = text(key) ?? key.fallback
    guard let value = Int(word) else {
      report(key, "'\(word)' is not a whole number. Write digits only, for example \(key.fallback)")
      return range.lowerBound
    }
    return checked(value, key, in: range) { "\($0)" }
  }

  /// One of the key's words.
  package mutating func choice(_ key: SettingKey) -> String {
    guard case .choice(let choices) = key.kind else { preconditionFailure("\(key.path) is not a choice") }
    let word = text(key) ?? key.fallback
    guard choices.contains(word) else {
      report(key, "'\(word)' is not one of \(choices.joined(separator: ", "))")
      return key.fallback
    }
    return word
  }

  /// - Returns: The duration, or `range`'s lower bound after a problem was noted. The same holds for the others with ranges.
  package mutating func duration(_ key: SettingKey, in range: ClosedRange<Duration>) -> Duration {
    let word = text(key) ?? key.fallback
    guard let value = Duration(setting: word) else {
      report(key, "'\(word)' is not a duration. Write a number and ms, s, m, h or d, for example \(key.fallback)")
      return range.lowerBound
    }
    return checked(value, key, in: range) { $0.spoken }
  }

  package mutating func size(_ key: SettingKey, in range: ClosedRange<Int>) -> Int {
    let word = text(key) ?? key.fallback
    guard let value = sizeBytes(setting: word) else {
      report(key, "'\(word)' is not a size. Write a number and KiB, MiB or GiB, for example \(key.fallback)")
      return range.lowerBound
    }
    return checked(value, key, in: range) { spoken(sizeBytes: $0) }
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
