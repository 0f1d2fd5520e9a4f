/// How one daemon is started, and recognised when an earlier life of the agent left it running.
package struct DaemonCommand: Sendable, Hashable {
  /// The program and its arguments; the first is an absolute path. These exact words identify the process, so they must
  /// name something of this rack alone: its configuration or its directory.
  package var arguments: [String]
  /// `NAME=value`, all of it.
  package var environment: [String]
  /// Words that replace themselves by the command: another user, another network namespace.
  package var prefix: [String]
  /// Takes standard output and standard error; emptied at each start.
  package var output: String
  /// Above this much resident memory the daemon is started anew; `nil` for no bound. Bytes.
  package var residentBytesMax: Int?

  package init(
    arguments: [String], environment: [String] = [], prefix: [String] = [], output: String,
    residentBytesMax: Int? = nil
  ) {
    self.arguments = arguments
    self.environment = environment + ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
    self.prefix = prefix
    self.output = output
    self.residentBytesMax = residentBytesMax
  }

  package var name: String { String(arguments[0].split(separator: "/").last ?? "") }
}

/// How long to wait before a daemon that ended is started again: doubling from `first` to `longest`, from the beginning
/// after it ran for `healthyAfter`.
package struct RestartBackoff: Sendable, Hashable {
  package var first: Duration = .milliseconds(100)
  package var longest: Duration = .seconds(30)
  package var healthyAfter: Duration = .seconds(60)
  private var failures = 0

  package init() {}

  /// The pause after a run that lasted `lifetime`.
  package mutating func delay(afterRunning lifetime: Duration) -> Duration {
    if lifetime >= healthyAfter { failures = 0 }
    defer { failures = min(failures + 1, Self.doublingsMax) }
    return min(longest, first * (1 << failures))
  }

  private static let doublingsMax = 20
}

/// What went wrong with a daemon.
package enum DaemonError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It ended before it was ready; its last words, at most 512 octets.
  case ended(String, words: String)
  case notReady(String, after: Duration)
  case cannotStop(String, pid: Int32)

  package var description: String {
    switch self {
    case .ended(let name, let words): "\(name) ended right after its start: \(words)"
    case .notReady(let name, let time): "\(name) did not become ready within \(time)"
    case .cannotStop(let name, let pid): "\(name) (process \(pid)) does not end"
    }
  }
}
