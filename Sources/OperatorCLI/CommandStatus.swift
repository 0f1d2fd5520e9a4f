/// How a command ended, for scripts. The numbers are a promise.
package enum CommandStatus: Int32, Sendable {
  /// Done, unchanged or empty.
  case success = 0
  /// The region refused.
  case refused = 1
  /// The command line was wrong.
  case usage = 2
  case notFound = 3
  /// `--if-revision` did not match.
  case stale = 4
  case invalidData = 5
  /// The region is unreachable, or does not know who asks.
  case unreachable = 6
  /// The wait timed out; the change stays durable.
  case waitTimedOut = 7
  /// Answered, but unhealthy.
  case unhealthy = 8

  /// Stable reason for `--output json`, in the form of the region's own.
  package var code: String {
    switch self {
    case .success: "OK"
    case .refused: "REFUSED"
    case .usage: "USAGE"
    case .notFound: "NOT_FOUND"
    case .stale: "STALE_REVISION"
    case .invalidData: "INVALID_DATA"
    case .unreachable: "UNREACHABLE"
    case .waitTimedOut: "WAIT_TIMED_OUT"
    case .unhealthy: "UNHEALTHY"
    }
  }
}

/// Why a command ends early: what to tell, and the status to end with.
package struct CommandFailure: Error, Sendable {
  package var status: CommandStatus
  /// Complete sentences for stderr, without "error: ". Empty when everything has been said already.
  package var message: String
  /// The same as an object for `--output json`; nil means code and message alone.
  package var json: JSONValue?

  package init(_ status: CommandStatus, _ message: String, json: JSONValue? = nil) {
    self.status = status
    self.message = message
    self.json = json
  }
}
