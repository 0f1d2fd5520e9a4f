internal import Dispatch
internal import Glibc
internal import Synchronization

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
  /// - Throws: `CancellationError`.
  func ready(for readiness: Readiness, until deadline: ContinuousClock.Instant? = nil) async throws -> Bool {
    try Task.checkCancellation()
    let wait = ReadinessWait(self)
    let isReady = await withTaskCancellationHandler {
      await withCheckedContinuation { wait.begin($0, for: readiness, until: deadline) }
    } onCancel: {
      wait.finish(false)
    }
    try Task.checkCancellation()
    return isReady
  }

  /// The same without regard to cancellation: for a way out that must be finished.
  func readyRegardless(for readiness: Readiness, until deadline: ContinuousClock.Instant) async -> Bool {
    await withCheckedContinuation { ReadinessWait(self).begin($0, for: readiness, until: deadline) }
  }
}

/// One wait for one descriptor: the first of readiness, deadline and cancellation ends it.
private final class ReadinessWait: Sendable {
  private enum State {
    case fresh
    case waiting(CheckedContinuation<Bool, Never>, any DispatchSourceProtocol & Sendable)
    case finished
  }

  private static let queue = DispatchQueue(label: "muster.readiness")
  private let descriptor: FileDescriptor
  private let state = Mutex(State.fresh)

  init(_ descriptor: FileDescriptor) {
    self.descriptor = descriptor
  }

  func begin(
    _ continuation: CheckedContinuation<Bool, Never>, for readiness: FileDescriptor.Readiness,
    until deadline: ContinuousClock.Instant?
  ) {
    let source: any DispatchSourceProtocol & Sendable =
      switch readiness {
      case .readable:
        DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: Self.queue) as! DispatchSource
      case .writable:
        DispatchSource.makeWriteSource(fileDescriptor: descriptor.number, queue: Self.queue) as! DispatchSource
      }
    source.setEventHandler { self.finish(true) }
    // The descriptor must outlive its registration.
    source.setCancelHandler { [descriptor] in withExtendedLifetime(descriptor) {} }
    let isCancelledAlready = state.withLock { state in
      guard case .fresh = state else { return true }
      state = .waiting(continuation, source)
      return false
    }
    source.activate()
    if isCancelledAlready {
      source.cancel()
      continuation.resume(returning: false)
    } else if let deadline {
      let left = max(.zero, deadline - ContinuousClock.now)
      Self.queue.asyncAfter(deadline: .now() + .nanoseconds(left.nanosecondsClamped)) { [weak self] in
        self?.finish(false)
      }
    }
  }

  func finish(_ isReady: Bool) {
    let waiting: (CheckedContinuation<Bool, Never>, any DispatchSourceProtocol & Sendable)? = state.withLock { state in
      defer { state = .finished }
      guard case .waiting(let continuation, let source) = state else { return nil }
      return (continuation, source)
    }
    guard let (continuation, source) = waiting else { return }
    source.cancel()
    continuation.resume(returning: isReady)
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
