import Glibc
import Logging
import Testing

@testable import Pserv

struct RestartBackoffTests {
  @Test func pausesDoubleUpToTheLongestAndBeginAnewAfterAHealthyRun() {
    var backoff = RestartBackoff()
    let pauses = (0..<12).map { _ in backoff.delay(afterRunning: .seconds(1)) }
    #expect(pauses.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
    #expect(pauses.last == .seconds(30))
    #expect(backoff.delay(afterRunning: .seconds(61)) == .milliseconds(100))
  }
}

struct TurnTests {
  @Test func oneConversationAtATimeGetsThrough() async {
    let turn = Turn()
    let inside = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          await turn.take {
            #expect(await inside.enter() == 1)
            await Task.yield()
            await inside.leave()
          }
        }
      }
    }
  }

  private actor Counter {
    private var count = 0
    func enter() -> Int { count += 1; return count }
    func leave() { count -= 1 }
  }
}

struct CommandRunTests {
  @Test func statusAndWordsComeBack() async throws {
    let run = CommandRun(words: ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], timeout: .seconds(60))
    let outcome = try await run.run()
    #expect(outcome.status == 3)
    #expect(outcome.output == "out\nerr\n")
  }

  @Test func aTalkativeProgramIsCutAndNotHeldUp() async throws {
    let run = CommandRun(words: ["/bin/sh", "-c", "head -c 1000000 /dev/zero; exit 5"], timeout: .seconds(60))
    let outcome = try await run.run()
    #expect(outcome.status == 5)
    #expect(outcome.output.utf8.count == CommandRun.outputBytesMax)
  }

  @Test func aProgramThatDoesNotEndIsKilled() async throws {
    let run = CommandRun(words: ["/bin/sleep", "1000"], timeout: .milliseconds(50))
    await #expect(throws: SystemError("wait for /bin/sleep", code: ETIMEDOUT)) {
      try await run.run()
    }
  }

  @Test func whatIsSaidIsOneCleanLine() {
    #expect(CommandOutput.oneLine(" a\n\tb\u{1b}[0m  c", octetsMax: 80) == "a b [0m c")
    #expect(CommandOutput.oneLine("äöü", octetsMax: 3) == "ä")
  }
}

/// With real processes: `sleep` with a length no other program uses.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct DaemonTests {
  let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// Ready once it can be found: the kernel lets go of the parent before a new program has its command line.
  private func daemon(_ length: Int, residentBytesMax: Int? = nil) -> Daemon {
    let arguments = ["/bin/sleep", "\(1_000_000 + Int(getpid()) * 100 + length)"]
    return Daemon(
      DaemonCommand(arguments: arguments, output: "/dev/null", residentBytesMax: residentBytesMax),
      in: .own, logger: quiet,
      isReady: { pid in ProcessTable.find(arguments: arguments, in: nil).contains { $0.pid == pid } })
  }

  @Test func startAndStopAreHarmlessToRepeat() async throws {
    let daemon = daemon(1)
    try await daemon.start()
    let pid = try #require(daemon.pid)
    try await daemon.start()
    #expect(daemon.pid == pid)
    try await daemon.stop()
    try await daemon.stop()
    #expect(daemon.pid == nil)
    #expect(kill(pid, 0) == -1, "collected, no zombie")
  }

  @Test func aRestartIsAnotherProcess() async throws {
    let daemon = daemon(2)
    try await daemon.start()
    let pid = try #require(daemon.pid)
    try await daemon.restart()
    #expect(daemon.pid != nil && daemon.pid != pid)
    try await daemon.stop()
  }

  @Test func aDaemonLeftRunningIsAdoptedAndASecondOneEnds() async throws {
    let first = daemon(3)
    try await first.start()
    let pid = try #require(first.pid)
    let output = try FileDescriptor.open("/dev/null", O_WRONLY)
    let second = try RunningProcess.start(first.command.arguments, environment: [], output: output)
    #expect(try await eventually { ProcessTable.find(arguments: first.command.arguments, in: nil).count == 2 })

    let later = daemon(3)
    try await later.start()
    #expect(later.pid == pid)
    #expect(try await second.ended(by: .now + .seconds(5)))
    second.reap()
    try await later.stop()
    #expect(first.pid == nil)
  }

  @Test func aDaemonThatEndsIsStartedAgainUnlessItWasStopped() async throws {
    let daemon = daemon(4)
    try await daemon.start()
    try await withRunning(daemon.run) {
      let pid = try #require(daemon.pid)
      kill(pid, SIGKILL)
      #expect(try await eventually { daemon.pid != nil && daemon.pid != pid })
      try await daemon.stop()
      #expect(daemon.pid == nil)
    }
  }

  /// An agent that comes back finds nothing to apply, and so orders nothing.
  @Test func aDaemonFoundRunningIsStartedAgainWhenItEnds() async throws {
    let earlier = daemon(5)
    try await earlier.start()
    let pid = try #require(earlier.pid)
    let later = daemon(5)
    try await later.adopt()
    try await withRunning(later.run) {
      kill(pid, SIGKILL)
      #expect(try await eventually { later.pid != nil && later.pid != pid })
      try await later.stop()
    }
  }

  @Test func whatWasOrderedToStopIsNotWantedForBeingFound() async throws {
    let stopped = daemon(6)
    try await stopped.stop()
    #expect(!stopped.isWanted)
    let stranger = daemon(6)
    try await stranger.start()
    try await stopped.adopt()
    #expect(stopped.pid != nil && !stopped.isWanted)
    try await stranger.stop()
  }

  @Test func aDaemonThatCannotStartSaysWhy() async throws {
    let words = "/tmp/mpt\(getpid())-words"
    defer { unlink(words) }
    let daemon = Daemon(
      DaemonCommand(arguments: ["/bin/sh", "-c", "echo no such interface; exit 1"], output: words), in: .own,
      logger: quiet, isReady: { _ in false })
    await #expect(throws: DaemonError.ended("sh", words: "no such interface")) { try await daemon.start() }
    #expect(daemon.pid == nil)
  }
}
