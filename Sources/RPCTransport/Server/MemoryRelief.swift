internal import RPC

/// What to do when all connections together hold more than they may.
struct MemoryRelief {
  enum Step: Equatable {
    /// Ask every connection to give back what it only keeps for later.
    case trim
    /// Close those that hold most.
    case close
    /// Something was done a moment ago and takes its time.
    case wait
  }

  /// Nanoseconds between two steps: connections act on their own loops.
  private static let pauseNanoseconds: UInt64 = 100_000_000
  /// After so many nanoseconds the next shortage is a new one and begins with trimming.
  private static let episodeNanoseconds: UInt64 = 10_000_000_000

  private var actedAt: UInt64?

  /// - Parameter now: Nanoseconds of a monotonic clock.
  mutating func next(now: UInt64) -> Step {
    guard let before = actedAt else {
      actedAt = now
      return .trim
    }
    if now < before + MemoryRelief.pauseNanoseconds { return .wait }
    actedAt = now
    return now > before + MemoryRelief.episodeNanoseconds ? .trim : .close
  }

  /// The connections to close, by their place in `held`: the largest first, because whoever fills the memory, by whatever
  /// means, holds most of it; down to seven eighths of the limit, so that not every call closes one.
  ///
  /// - Parameter held: What each connection holds, in octets.
  static func largest(of held: [Int], limitBytes: Int) -> [Int] {
    var total = held.reduce(0, +)
    var chosen: [Int] = []
    for index in held.indices.sorted(by: { (held[$0], $1) > (held[$1], $0) }) {
      guard total > limitBytes / 8 * 7, held[index] >= ServerConfiguration.heldStepBytes else { break }
      chosen.append(index)
      total -= held[index]
    }
    return chosen
  }
}
