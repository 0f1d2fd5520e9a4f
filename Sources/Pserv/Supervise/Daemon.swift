internal import Glibc
package import Logging
internal import Synchronization

/// One daemon of this rack: started, found again after the agent was killed, watched, started again.
///
/// It belongs to no agent process: it goes on serving when the agent dies, and the next agent adopts it by its command
/// line and network namespace. Orders (`start`, `stop`) and the watch (`run`) take turns, so there is never a second one.
package final class Daemon: Sendable {
  package let command: DaemonCommand
  private let namespace: NetworkNamespace
  private let isReady: @Sendable (Int32) async -> Bool
  private let willStart: @Sendable () throws -> Void
  private let logger: Logger
  private let turn = Turn()
  private let state = Mutex(State())

  private struct State {
    /// Nil until somebody gives an order.
    var isWanted: Bool?
    var process: RunningProcess?
    var started = ContinuousClock.now
    var lastWords: String?
  }

  /// 100,000 reservations take Kea some seconds.
  private static let readyMax: Duration = .seconds(60)
  private static let readyInterval: Duration = .milliseconds(20)
  private static let stopMax: Duration = .seconds(5)
  private static let killMax: Duration = .seconds(2)
  private static let idleInterval: Duration = .milliseconds(250)
  private static let memoryInterval: Duration = .seconds(5)
  private static let wordsOctetsMax = 512

  /// - Parameters:
  ///   - willStart: Called before each start, when no such process runs.
  ///   - isReady: Asked after each start, with the process id, until it is true.
  package init(
    _ command: DaemonCommand, in namespace: NetworkNamespace, logger: Logger,
    willStart: @escaping @Sendable () throws -> Void = {}, isReady: @escaping @Sendable (_ pid: Int32) async -> Bool
  ) {
    self.command = command
    self.namespace = namespace
    self.isReady = isReady
    self.willStart = willStart
    var logger = logger
    logger[metadataKey: "daemon"] = "\(command.name)"
    self.logger = logger
  }

  /// Looks for the process that an earlier life of this agent left, and takes it over.
  ///
  /// Of several (an agent without our lock started one) the oldest stays and the others end: two servers on one link
  /// answer everything twice. What was left running is meant to run: until an order says otherwise it is started again
  /// when it ends, for an agent that finds nothing to apply gives none.
  package func adopt() async throws {
    try await turn.take {
      try await adoptInTurn()
      state.withLock { if $0.process != nil, $0.isWanted == nil { $0.isWanted = true } }
    }
  }

  /// The process id; `nil` when it does not run.
  package var pid: Int32? { running?.pid }

  /// Whether it is started again when it ends by itself.
  var isWanted: Bool { state.withLock { $0.isWanted == true } }

  package var residentBytes: Int? { running.flatMap { ProcessTable.residentBytes(of: $0.pid) } }

  /// Why it ended the last time, if it did by itself since it was ordered to run.
  package var lastWords: String? { state.withLock { $0.lastWords } }

  /// Makes it run; when this returns it is ready. One that runs stays as it is.
  package func start() async throws {
    try await turn.take {
      state.withLock { $0.isWanted = true }
      try await adoptInTurn()
      if running == nil { try await startInTurn() }
    }
  }

  /// Makes it not run.
  package func stop() async throws {
    try await turn.take {
      state.withLock { $0.isWanted = false }
      try await adoptInTurn()
      try await stopInTurn()
    }
  }

  /// Ends it and starts it.
  package func restart() async throws {
    try await turn.take {
      state.withLock { $0.isWanted = true }
      try await adoptInTurn()
      try await stopInTurn()
      try await startInTurn()
    }
  }

  /// Watches until cancelled: a wanted daemon that ends, or grows past its bound, is started again, ever slower.
  package func run() async throws {
    var backoff = RestartBackoff()
    while true {
      guard let process = state.withLock({ $0.process }) else {
        try await Task.sleep(for: Self.idleInterval)
        continue
      }
      guard try await process.ended(by: .now + Self.memoryInterval) else {
        try await restartIfTooFat(process)
        continue
      }
      let ending = state.withLock { state -> (lifetime: Duration, wasWanted: Bool)? in
        guard state.process === process else { return nil }
        return (ContinuousClock.now - state.started, state.isWanted == true)
      }
      guard let ending else { continue }
      process.reap()
      let words = outputTail()
      state.withLock {
        if $0.process === process { $0.process = nil }
        $0.lastWords = words
      }
      guard ending.wasWanted else { continue }
      logger.warning("daemon ended; it is started again", metadata: ["words": "\(words)"])
      try await startAgain(&backoff, after: ending.lifetime)
    }
  }

  /// What to do when the agent ends on purpose. Not stopped by cancellation.
  package func leave(_ atExit: DaemonsAtExit) async {
    guard atExit == .stop else { return }
    await turn.take {
      state.withLock { $0.isWanted = false }
      do { try await stopInTurn() } catch {
        logger.error("daemon does not end", metadata: ["error": "\(error)"])
      }
    }
  }

  private func startAgain(_ backoff: inout RestartBackoff, after lifetime: Duration) async throws {
    var lifetime = lifetime
    while true {
      try await Task.sleep(for: backoff.delay(afterRunning: lifetime))
      let begin = ContinuousClock.now
      do {
        try await turn.take {
          guard state.withLock({ $0.isWanted == true && $0.process == nil }) else { return }
          try await startInTurn()
        }
        return
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        state.withLock { $0.lastWords = "\(error)" }
        logger.error("daemon does not start", metadata: ["error": "\(error)"])
      }
      lifetime = ContinuousClock.now - begin
    }
  }

  private func restartIfTooFat(_ process: RunningProcess) async throws {
    guard let bound = command.residentBytesMax, let bytes = ProcessTable.residentBytes(of: process.pid), bytes > bound
    else { return }
    logger.notice("daemon grew past its bound; it is started anew", metadata: ["bytes": "\(bytes)"])
    try await turn.take {
      guard state.withLock({ $0.isWanted == true && $0.process === process }) else { return }
      try await stopInTurn()
      do { try await startInTurn() } catch is CancellationError {
        throw CancellationError()
      } catch {
        logger.error("daemon does not start", metadata: ["error": "\(error)"])
      }
    }
  }

  private var running: RunningProcess? {
    state.withLock { $0.process }.flatMap { ProcessTable.isAlive($0.identity) ? $0 : nil }
  }

  // In turn

  private func adoptInTurn() async throws {
    if running != nil { return }
    state.withLock { $0.process = nil }
    let found = ProcessTable.find(arguments: command.arguments, in: namespace.identity)
      .compactMap { RunningProcess(adopting: $0) }
    for extra in found.dropFirst() { try await end(extra) }
    guard let first = found.first else { return }
    logger.info("running daemon adopted", metadata: ["pid": "\(first.pid)"])
    state.withLock {
      $0.process = first
      $0.started = .now
    }
  }

  private func startInTurn() async throws {
    try willStart()
    let output = try FileDescriptor.open(command.output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
    let process = try RunningProcess.start(
      command.prefix + command.arguments, environment: command.environment, output: output, in: namespace)
    state.withLock {
      $0.process = process
      $0.started = .now
    }
    let deadline = ContinuousClock.now + Self.readyMax
    while await !isReady(process.pid) {
      guard ContinuousClock.now < deadline else {
        throw DaemonError.notReady(command.name, after: Self.readyMax)
      }
      if try await process.ended(by: min(deadline, .now + Self.readyInterval)) {
        process.reap()
        state.withLock { $0.process = nil }
        throw DaemonError.ended(command.name, words: outputTail())
      }
    }
    state.withLock { $0.lastWords = nil }
    logger.info("daemon started", metadata: ["pid": "\(process.pid)"])
  }

  private func stopInTurn() async throws {
    guard let process = running else {
      state.withLock { state in
        _ = state.process?.reap()
        state.process = nil
      }
      return
    }
    try await end(process)
    state.withLock { $0.process = nil }
    logger.info("daemon stopped", metadata: ["pid": "\(process.pid)"])
  }

  private func end(_ process: RunningProcess) async throws {
    process.signal(SIGTERM)
    if await !process.endedRegardless(by: .now + Self.stopMax) {
      process.signal(SIGKILL)
      guard await process.endedRegardless(by: .now + Self.killMax) else {
        throw DaemonError.cannotStop(command.name, pid: process.pid)
      }
    }
    process.reap()
  }

  private func outputTail() -> String {
    CommandOutput.lastWords(in: command.output, octetsMax: Self.wordsOctetsMax)
  }
}
