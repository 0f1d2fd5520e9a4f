internal import Glibc

/// An open file descriptor; closed when the last reference goes.
///
/// Descriptors opened here are close-on-exec: no daemon inherits a socket of the agent.
package final class FileDescriptor: Sendable {
  /// Valid as long as `self` lives; never stored elsewhere.
  let number: Int32

  /// Takes ownership of an open descriptor.
  init(owning number: Int32) {
    precondition(number >= 0, "not an open descriptor")
    self.number = number
  }

  deinit { close(number) }

  /// Opens a file.
  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o640) throws(SystemError) -> FileDescriptor {
    let number = Glibc.open(path, flags | O_CLOEXEC, mode)
    guard number >= 0 else { throw .last("open \(path)") }
    return FileDescriptor(owning: number)
  }

  /// What to wait for.
  enum Readiness: Sendable {
    case readable, writable
  }

  /// Suspends until the descriptor is ready or `deadline` has passed; `nil` waits for ever.
  ///
  /// - Returns: False when the deadline came first.
  /// - Throws: `CancellationError`, `SystemError` (no descriptor left to wait with).
  func ready(for readiness: Readiness, until deadline: ContinuousClock.Instant? = nil) async throws -> Bool {
    try Task.checkCancellation()
    let wait = ReadinessWait(self)
    let end = await withTaskCancellationHandler {
      await withCheckedContinuation { wait.begin($0, for: readiness, until: deadline) }
    } onCancel: {
      wait.finish(.success(false))
    }
    try Task.checkCancellation()
    return try end.get()
  }

  /// The same without regard to cancellation: for a way out that must be finished. False also when it cannot wait.
  func readyRegardless(for readiness: Readiness, until deadline: ContinuousClock.Instant) async -> Bool {
    let end = await withCheckedContinuation { ReadinessWait(self).begin($0, for: readiness, until: deadline) }
    if case .success(let isReady) = end { return isReady }
    return false
  }
}

extension Duration {
  /// Whole nanoseconds, at most what an `Int` holds (292 years).
  package var nanosecondsClamped: Int {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : Int(sum)
  }
}
