package import Provisioning
internal import Synchronization

/// Tells when leases and held addresses end: the wall clock without the jumps it makes.
///
/// A wall clock that is set ahead would free an address that a machine still uses. This one runs as time passes, and
/// remembers over restarts by how much the wall clock was set while a region ran. A clock that is set while none runs
/// cannot be told from time that passed.
package final class LeaseClock: Sendable {
  private struct State {
    /// What this clock showed at `uptime`.
    var origin: Timestamp
    var uptime: Int64
    /// As the store has it.
    var kept: Int64 = 0
  }

  private let wall: @Sendable () -> Timestamp
  private let uptime: @Sendable () -> Int64
  private let state: Mutex<State>

  /// Nanoseconds; a wall clock that is slewed, or read a moment later, has not been set.
  static let jumpMin: Int64 = 500_000_000

  /// - Parameter uptime: Nanoseconds since some start, counting through suspension (CLOCK_BOOTTIME).
  init(wall: @escaping @Sendable () -> Timestamp, uptime: @escaping @Sendable () -> Int64) {
    self.wall = wall
    self.uptime = uptime
    state = Mutex(State(origin: wall(), uptime: uptime()))
  }

  /// The store was opened.
  ///
  /// - Parameter jumps: By how much the wall clock had been set ahead when the store was last written, nanoseconds.
  func resume(jumps: Int64) {
    let (now, up) = (wall(), uptime())
    state.withLock { $0 = State(origin: Timestamp(nanoseconds: now.nanoseconds &- jumps), uptime: up, kept: jumps) }
  }

  package var now: Timestamp {
    let up = uptime()
    return state.withLock { Timestamp(nanoseconds: $0.origin.nanoseconds &+ (up &- $0.uptime)) }
  }

  /// By how much the wall clock is ahead of this one, nanoseconds, if the store has another number.
  package var jumpsToKeep: Int64? {
    let jumps = wall().nanoseconds &- now.nanoseconds
    let kept = state.withLock(\.kept)
    return (jumps &- kept).magnitude >= UInt64(Self.jumpMin) ? jumps : nil
  }

  /// The store has it.
  package func keep(jumps: Int64) {
    state.withLock { $0.kept = jumps }
  }
}
