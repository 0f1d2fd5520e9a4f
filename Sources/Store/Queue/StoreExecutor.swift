internal import Dispatch
package import Provisioning

/// Where the store's blocking work runs.
package protocol StoreExecutor: Sendable {
  /// Runs `work` once, soon, on a thread that may block. The store never has more of it under way
  /// than it has connections.
  func run(_ work: @escaping @Sendable () -> Void)
}

/// Runs the work on threads of its own, off Swift's cooperative pool, which must not block.
package struct DispatchStoreExecutor: StoreExecutor {
  private let queue = DispatchQueue(label: "muster.store", attributes: .concurrent)

  package init() {}

  package func run(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }
}

/// Runs the work at once, on the caller: for the simulation's single thread, and for tests that need
/// no concurrency.
package struct InlineStoreExecutor: StoreExecutor {
  package init() {}

  package func run(_ work: @escaping @Sendable () -> Void) { work() }
}

/// What the store needs of the world beside its files.
package struct StoreEnvironment: Sendable {
  /// The time of day.
  package var now: @Sendable () -> Timestamp
  /// 64 random bits.
  package var random: @Sendable () -> UInt64
  package var executor: any StoreExecutor
  /// When leases and held addresses end.
  package let leaseClock: LeaseClock
  /// The program's version, for messages.
  package var program: String

  /// - Parameter uptime: Nanoseconds since some start, counting through suspension (CLOCK_BOOTTIME); `nil` trusts `now`.
  package init(
    now: @escaping @Sendable () -> Timestamp, uptime: (@Sendable () -> Int64)? = nil,
    random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
    executor: any StoreExecutor = DispatchStoreExecutor(), program: String = "0.1.0"
  ) {
    self.now = now
    self.random = random
    self.executor = executor
    leaseClock = LeaseClock(wall: now, uptime: uptime ?? { now().nanoseconds })
    self.program = program
  }
}
