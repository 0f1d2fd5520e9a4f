internal import NIOCore
internal import RPC

/// Decides when a client holds responses for too long: it lets them wait and takes next to nothing of them.
struct StallWatch {
  enum Action: Equatable {
    /// Ask again then; nil when there is no limit.
    case wait(until: NIODeadline?)
    case stalled
  }

  private let timeout: TimeAmount?
  private var since: (at: NIODeadline, sentBytes: UInt64)?

  init(timeout: TimeAmount?) {
    self.timeout = timeout
  }

  var isWaiting: Bool { since != nil }

  /// Nothing waits any more.
  mutating func moved() { since = nil }

  /// Something waits.
  ///
  /// - Parameter sentBytes: Octets of responses that were sent so far.
  mutating func check(sentBytes: UInt64, now: NIODeadline) -> Action {
    guard let timeout else { return .wait(until: nil) }
    guard let since else {
      self.since = (now, sentBytes)
      return .wait(until: now + timeout)
    }
    let due = since.at + timeout
    if now < due { return .wait(until: due) }
    guard sentBytes - since.sentBytes >= UInt64(ServerLimits.stallBytesMin) else { return .stalled }
    self.since = (now, sentBytes)
    return .wait(until: now + timeout)
  }
}
