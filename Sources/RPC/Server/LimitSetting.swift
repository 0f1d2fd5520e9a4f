internal import HTTP2

/// One of a server's limits as an operator sets it: by name, in words. `4MiB`, `90s`, `20000`, `1000+100/s`.
///
/// A rate is a burst and what is allowed in a second afterwards. `off` lifts a limit of time that may be lifted.
public struct LimitSetting: Sendable {
  public enum Kind: Sendable, Hashable { case count, size, duration, rate }

  /// For example `resets_received`.
  public let name: String
  /// One line.
  public let summary: String
  let target: Target

  enum Target: Sendable {
    case count(any WritableKeyPath<ServerLimits, Int> & Sendable, ClosedRange<Int>)
    case size(any WritableKeyPath<ServerLimits, Int> & Sendable, ClosedRange<Int>)
    case duration(any WritableKeyPath<ServerLimits, Duration> & Sendable, ClosedRange<Duration>)
    case patience(any WritableKeyPath<ServerLimits, Duration?> & Sendable, ClosedRange<Duration>)
    case rate(any WritableKeyPath<ServerLimits, RateLimit> & Sendable)
  }

  public var kind: Kind {
    switch target {
    case .count: .count
    case .size: .size
    case .duration, .patience: .duration
    case .rate: .rate
    }
  }

  /// What `limits` says, in the words that `set` takes.
  public func word(in limits: ServerLimits) -> String {
    switch target {
    case .count(let path, _): "\(limits[keyPath: path])"
    case .size(let path, _): LimitWords.size(limits[keyPath: path])
    case .duration(let path, _): LimitWords.duration(limits[keyPath: path])
    case .patience(let path, _): limits[keyPath: path].map { LimitWords.duration($0) } ?? LimitWords.off
    case .rate(let path): LimitWords.rate(limits[keyPath: path])
    }
  }

  /// - Throws: What is wrong with the word; `limits` is unchanged.
  public func set(_ word: String, in limits: inout ServerLimits) throws(LimitProblem) {
    switch target {
    case .count(let path, let range):
      guard let value = Int(word) else {
        throw LimitProblem(
          message: "'\(word)' is not a whole number. Write digits only, for example \(self.word(in: ServerLimits()))")
      }
      limits[keyPath: path] = try check(value, range) { "\($0)" }
    case .size(let path, let range):
      guard let value = LimitWords.size(word) else {
        throw LimitProblem(
          message: "'\(word)' is not a size. Write a number and KiB, MiB or GiB, for example \(self.word(in: ServerLimits()))")
      }
      limits[keyPath: path] = try check(value, range) { LimitWords.size($0) }
    case .duration(let path, let range): limits[keyPath: path] = try duration(word, range)
    case .patience(let path, let range):
      limits[keyPath: path] = word == LimitWords.off ? nil : try duration(word, range)
    case .rate(let path):
      guard let value = LimitWords.rate(word) else {
        throw LimitProblem(
          message: "'\(word)' is not a rate. Write BURST+RATE/s, for example \(self.word(in: ServerLimits()))")
      }
      let range = 1...LimitSetting.rateMax
      limits[keyPath: path] = RateLimit(
        burst: try check(value.burst, range) { "\($0)" },
        perSecond: try check(value.perSecond, 0...LimitSetting.rateMax) { "\($0)" })
    }
  }

  private func duration(_ word: String, _ range: ClosedRange<Duration>) throws(LimitProblem) -> Duration {
    guard let value = LimitWords.duration(word) else {
      throw LimitProblem(message: "'\(word)' is not a duration. Write a number and ms, s, m, h or d, for example 10s")
    }
    return try check(value, range) { LimitWords.duration($0) }
  }

  private func check<Value: Comparable>(
    _ value: Value, _ range: ClosedRange<Value>, _ spoken: (Value) -> String
  ) throws(LimitProblem) -> Value {
    guard range.contains(value) else {
      throw LimitProblem(
        message: "\(spoken(value)) is out of range. Use \(spoken(range.lowerBound)) to \(spoken(range.upperBound))")
    }
    return value
  }

  /// Events; more than any connection can carry.
  private static let rateMax = 100_000_000
}

/// Why a word is not the value of a limit. One or two sentences; the second says the way out.
public struct LimitProblem: Error, Hashable, Sendable {
  public var message: String
}
