internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// One wait for one descriptor: the first of readiness, deadline and cancellation ends it.
final class ReadinessWait: Sendable {
  typealias End = Result<Bool, SystemError>

  private enum State {
    case fresh
    case waiting(CheckedContinuation<End, Never>)
    case finished
  }

  private let descriptor: FileDescriptor
  private let token = ReadinessThread.shared.newToken()
  private let state = Mutex(State.fresh)

  init(_ descriptor: FileDescriptor) {
    self.descriptor = descriptor
  }

  func begin(
    _ continuation: CheckedContinuation<End, Never>, for readiness: FileDescriptor.Readiness,
    until deadline: ContinuousClock.Instant?
  ) {
    let isCancelledAlready = state.withLock { state in
      guard case .fresh = state else { return true }
      state = .waiting(continuation)
      return false
    }
    guard !isCancelledAlready else { return continuation.resume(returning: .success(false)) }
    do throws(SystemError) {
      try ReadinessThread.shared.watch(descriptor, for: readiness, token: token, wait: self)
    } catch {
      return finish(.failure(error))
    }
    // Whoever ended it meanwhile found nothing to forget.
    let isOver = state.withLock { if case .finished = $0 { true } else { false } }
    if isOver { return ReadinessThread.shared.forget(token) }
    guard let deadline else { return }
    let left = max(.zero, deadline - ContinuousClock.now)
    DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(left.nanosecondsClamped)) { [weak self] in
      self?.finish(.success(false))
    }
  }

  func finish(_ end: End) {
    let waiting: CheckedContinuation<End, Never>? = state.withLock { state in
      defer { state = .finished }
      if case .waiting(let continuation) = state { return continuation }
      return nil
    }
    ReadinessThread.shared.forget(token)
    waiting?.resume(returning: end)
  }
}

/// Hears when descriptors are ready: one thread in epoll(7), for as long as the process lives.
///
/// Not `DispatchSource`: on Linux its table of descriptors can lose one that is registered while another is taken down
/// (swift-corelibs-libdispatch, issues 833 and 949). Kea's answer to a reload then lay unread for two minutes, about once in
/// fifty runs of the test that kills agents, and an agent that waits for Kea applies nothing.
///
/// Each wait has a duplicate of its descriptor, so that several may wait for one, and a number that is used again is not
/// taken for the one before.
private final class ReadinessThread: Sendable {
  static let shared = ReadinessThread()

  /// Tokens that one look brings.
  private static let tokensMax = 64

  private let epoll: Int32
  private let nextToken = Atomic<UInt64>(1)
  private let waits = Mutex<[UInt64: (wait: ReadinessWait, duplicate: FileDescriptor)]>([:])

  private init() {
    epoll = muster_epoll_open()
    precondition(epoll >= 0, "no descriptor is left for epoll")
    // A block that never ends keeps a thread of its own.
    DispatchQueue(label: "muster.readiness").async { self.run() }
  }

  func newToken() -> UInt64 { nextToken.add(1, ordering: .relaxed).oldValue }

  func watch(
    _ descriptor: FileDescriptor, for readiness: FileDescriptor.Readiness, token: UInt64, wait: ReadinessWait
  ) throws(SystemError) {
    let number = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0)
    guard number >= 0 else { throw .last("wait for a descriptor") }
    let duplicate = FileDescriptor(owning: number)
    waits.withLock { $0[token] = (wait, duplicate) }
    let status = muster_epoll_add(epoll, number, readiness == .writable ? 1 : 0, token)
    guard status >= 0 else {
      forget(token)
      throw SystemError("wait for a descriptor", code: -status)
    }
  }

  func forget(_ token: UInt64) {
    guard let duplicate = waits.withLock({ $0.removeValue(forKey: token)?.duplicate }) else { return }
    // Closing would not do: the file is open under its first number.
    muster_epoll_remove(epoll, duplicate.number)
  }

  private func run() {
    var tokens = [UInt64](repeating: 0, count: Self.tokensMax)
    while true {
      let count = muster_epoll_wait(epoll, &tokens, Int32(Self.tokensMax))
      precondition(count >= 0, "epoll_wait: errno \(-count)")
      for token in tokens.prefix(Int(count)) {
        let wait = waits.withLock { $0[token]?.wait }
        wait?.finish(.success(true))
      }
    }
  }
}
