internal import NIOCore

/// Decides when a connection is too slow to begin, idle for too long, or dead.
///
/// Pings are sent only after silence; anything received proves the peer alive.
struct ConnectionWatch {
  /// One object for all connections: each would hold 56 octets of them.
  final class Limits: Sendable {
    /// From the accept to the peer's SETTINGS, TLS included.
    let establishing: TimeAmount
    /// Without a call; nil for ever.
    let idle: TimeAmount?
    /// Silence before a ping; nil for no pings.
    let keepaliveInterval: TimeAmount?
    /// From a ping to anything received.
    let keepaliveTimeout: TimeAmount
    /// Whether pings are sent without calls too.
    let keepaliveWithoutCalls: Bool

    init(
      establishing: TimeAmount, idle: TimeAmount?, keepaliveInterval: TimeAmount?, keepaliveTimeout: TimeAmount,
      keepaliveWithoutCalls: Bool
    ) {
      self.establishing = establishing
      self.idle = idle
      self.keepaliveInterval = keepaliveInterval
      self.keepaliveTimeout = keepaliveTimeout
      self.keepaliveWithoutCalls = keepaliveWithoutCalls
    }
  }

  enum Action: Equatable {
    /// Ask again then, or when something changed; nil when there is nothing to watch.
    case wait(until: NIODeadline?)
    case ping
    case close(Reason)
  }

  enum Reason: String, Equatable {
    case establishing = "the peer did not begin HTTP/2 in time"
    case idle = "the connection was idle for too long"
    case dead = "the peer did not answer a keepalive ping"
  }

  private let limits: Limits
  private let openedAt: NIODeadline
  private var isEstablished = false
  private var lastReceivedAt: NIODeadline
  private var lastCallAt: NIODeadline
  private var pingedAt: NIODeadline?
  var hasCalls = false {
    didSet { if oldValue, !hasCalls { lastCallAt = lastReceivedAt } }
  }

  init(limits: Limits, now: NIODeadline) {
    self.limits = limits
    openedAt = now
    lastReceivedAt = now
    lastCallAt = now
  }

  mutating func established() { isEstablished = true }

  mutating func received(now: NIODeadline) {
    lastReceivedAt = now
    pingedAt = nil
  }

  mutating func check(now: NIODeadline) -> Action {
    guard isEstablished else {
      let due = openedAt + limits.establishing
      return now >= due ? .close(.establishing) : .wait(until: due)
    }
    var next: NIODeadline?
    func consider(_ due: NIODeadline) { next = next.map { min($0, due) } ?? due }

    if let pingedAt {
      let due = pingedAt + limits.keepaliveTimeout
      if now >= due { return .close(.dead) }
      consider(due)
    } else if let interval = limits.keepaliveInterval, hasCalls || limits.keepaliveWithoutCalls {
      let due = lastReceivedAt + interval
      if now >= due {
        pingedAt = now
        return .ping
      }
      consider(due)
    }
    if let idle = limits.idle, !hasCalls {
      let due = lastCallAt + idle
      if now >= due { return .close(.idle) }
      consider(due)
    }
    return .wait(until: next)
  }
}
