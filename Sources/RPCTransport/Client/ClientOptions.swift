
/// How a client channel connects and what it allows.
public struct ClientOptions: Sendable {
  /// Which of several addresses gets the calls.
  public enum Policy: Sendable, Hashable {
    /// The first that can be reached, until it fails.
    case pickFirst
    /// All that can be reached, in turn.
    case roundRobin
  }

  public var policy = Policy.pickFirst
  public var backoff = Backoff()
  /// For one attempt, TLS handshake and SETTINGS included.
  public var connectTimeout: Duration = .seconds(10)
  /// Silence before the client asks whether the server lives; nil for never. Servers of other makers may answer
  /// pings more frequent than every five minutes with GOAWAY; the channel then doubles the interval.
  public var keepaliveInterval: Duration?
  /// From that ping to any answer; then the connection is given up and its calls end with `unavailable`.
  public var keepaliveTimeout: Duration = .seconds(10)
  /// Whether pings are sent while no call is running.
  public var keepaliveWithoutCalls = false
  /// A connection without calls is closed after it; nil keeps it.
  public var idleTimeout: Duration?
  /// Calls that wait for a connection; more end with `resourceExhausted`.
  public var waitingCallsMax = 10_000
  /// The `:authority` of requests; nil for the address.
  public var authority: String?

  public init() {}
}

/// How long to wait before the next attempt (gRPC's connection-backoff.md, with decorrelated jitter so that clients which
/// failed together do not come back together).
public struct Backoff: Sendable, Hashable {
  /// Before the second attempt.
  public var base: Duration
  public var longest: Duration

  public init(base: Duration = .milliseconds(500), longest: Duration = .seconds(30)) {
    self.base = base
    self.longest = longest
  }

  /// Between `base` and three times the wait before, at most `longest`.
  ///
  /// - Parameter jitter: Where between them: a number drawn evenly from 0 to 1.
  func next(after previous: Duration?, jitter: Double) -> Duration {
    let low = base / .nanoseconds(1)
    let high = max(low, min((previous ?? base) * 3, longest) / .nanoseconds(1))
    return .nanoseconds(Int64(low + (high - low) * jitter))
  }
}
