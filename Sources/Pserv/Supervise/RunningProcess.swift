internal import CLinux
internal import Glibc

/// A process that this agent started or adopted, held by a pidfd: signals and waits reach it and never a later process
/// with the same number.
final class RunningProcess: Sendable {
  let identity: ProcessIdentity
  private let handle: FileDescriptor

  var pid: Int32 { identity.pid }

  /// Takes hold of a process found in /proc; `nil` if it is gone meanwhile.
  init?(adopting identity: ProcessIdentity) {
    let number = muster_pidfd_open(identity.pid)
    guard number >= 0 else { return nil }
    handle = FileDescriptor(owning: number)
    self.identity = identity
    // The number may have passed to another process between the look and the hold.
    guard ProcessTable.isAlive(identity) else { return nil }
  }

  /// Starts a program: `words` begins with an absolute path.
  ///
  /// - Throws: `SystemError`; `ENOENT` when there is no such program.
  static func start(
    _ words: [String], environment: [String], output: FileDescriptor, in namespace: NetworkNamespace = .own
  ) throws(SystemError) -> RunningProcess {
    let words = namespace.commandPrefix + words
    let pid = withCStrings(words) { argv in
      withCStrings(environment) { envp in muster_spawn(argv[0], argv, envp, output.number) }
    }
    _ = try pid.orThrow("start \(words[0])")
    // Nobody else collects our children, so the number is still this process's, dead or alive.
    guard let ticks = ProcessTable.startTicks(of: pid),
      let process = RunningProcess(adopting: ProcessIdentity(pid: pid, startTicks: ticks))
    else { throw SystemError("hold \(words[0])", code: ESRCH) }
    return process
  }

  func signal(_ number: Int32) {
    // ESRCH: it ended by itself.
    _ = muster_pidfd_signal(handle.number, number)
  }

  /// Whether it ended by `deadline`; `nil` waits for ever.
  func ended(by deadline: ContinuousClock.Instant?) async throws -> Bool {
    try await handle.ready(for: .readable, until: deadline)
  }

  /// The same, not stopped by cancellation: for the way out.
  func endedRegardless(by deadline: ContinuousClock.Instant) async -> Bool {
    await handle.readyRegardless(for: .readable, until: deadline)
  }

  /// Collects the process if it was our child. The exit status; `nil` if it was adopted or ended by a signal.
  @discardableResult
  func reap() -> Int32? {
    var status: Int32 = 0
    guard muster_reap(pid, &status) == 1, status & 0x7f == 0 else { return nil }
    return (status >> 8) & 0xff
  }
}

/// Lends `words` as a NULL-terminated array of C strings for the length of `body`.
private func withCStrings<Value>(
  _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
  var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { pointers.forEach { free($0) } }
  return pointers.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
    return body(UnsafePointer(base))
  }
}
