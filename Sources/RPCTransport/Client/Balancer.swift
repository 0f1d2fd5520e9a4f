internal import RPC

/// Which address a call goes to, and which to connect: the rules of pick-first and round-robin.
///
/// Knows addresses by their index. What it returns is done by `ClientChannelCore`.
struct Balancer {
  enum Subchannel: Equatable {
    case idle
    case connecting
    case ready
    /// The last attempt failed; the next is not due yet.
    case backingOff(reason: String)
  }

  enum Pick: Equatable {
    case use(Int)
    /// Connect these (it may be none), and ask again when one is ready.
    case wait(connect: [Int])
    /// Nothing can be reached at the moment.
    case unavailable(reason: String)
  }

  private let policy: ClientOptions.Policy
  private(set) var subchannels: [Subchannel]
  private var turn = 0

  init(policy: ClientOptions.Policy, count: Int) {
    self.policy = policy
    subchannels = Array(repeating: .idle, count: count)
  }

  /// - Parameter waitsForReady: Whether a call in transient failure would rather wait.
  mutating func pick(waitsForReady: Bool) -> Pick {
    if let ready = nextReady() {
      // Round-robin brings the others in while it goes on with what it has.
      return .use(ready)
    }
    let connect = toConnect()
    if !connect.isEmpty || subchannels.contains(.connecting) {
      for index in connect { subchannels[index] = .connecting }
      return .wait(connect: connect)
    }
    return waitsForReady ? .wait(connect: []) : .unavailable(reason: lastReason)
  }

  /// Addresses that a round-robin channel in use should connect besides those it has.
  mutating func alsoConnect() -> [Int] {
    guard policy == .roundRobin else { return [] }
    let connect = toConnect()
    for index in connect { subchannels[index] = .connecting }
    return connect
  }

  mutating func connected(_ index: Int) {
    subchannels[index] = .ready
  }

  mutating func failed(_ index: Int, reason: String) {
    subchannels[index] = .backingOff(reason: reason)
  }

  /// The connection ended or takes no more calls; the address may be tried at once.
  mutating func lost(_ index: Int) {
    subchannels[index] = .idle
  }

  mutating func backoffEnded(_ index: Int) {
    if case .backingOff = subchannels[index] { subchannels[index] = .idle }
  }

  /// Whether every address failed and waits: calls that do not wait for ready end now.
  var isInTransientFailure: Bool {
    subchannels.allSatisfy { if case .backingOff = $0 { true } else { false } }
  }

  var lastReason: String {
    let reasons = subchannels.compactMap { subchannel -> String? in
      if case .backingOff(let reason) = subchannel { reason } else { nil }
    }
    return reasons.isEmpty ? "no address to connect to" : reasons.joined(separator: "; ")
  }

  private mutating func nextReady() -> Int? {
    switch policy {
    case .pickFirst: return subchannels.firstIndex(of: .ready)
    case .roundRobin:
      for step in 1...max(1, subchannels.count) {
        let index = (turn + step) % max(1, subchannels.count)
        if index < subchannels.count, subchannels[index] == .ready {
          turn = index
          return index
        }
      }
      return nil
    }
  }

  private func toConnect() -> [Int] {
    switch policy {
    // One after the other: the next is tried only when the one before failed.
    case .pickFirst:
      subchannels.contains(.connecting) ? [] : subchannels.firstIndex(of: .idle).map { [$0] } ?? []
    case .roundRobin: subchannels.indices.filter { subchannels[$0] == .idle }
    }
  }
}
