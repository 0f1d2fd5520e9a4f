internal import Glibc

/// A program that is run to its end for its exit status and its words.
struct CommandRun: Sendable {
  var words: [String]
  var environment: [String] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
  var namespace: NetworkNamespace = .own
  var timeout: Duration

  struct Outcome: Sendable {
    /// `nil` when a signal ended it.
    var status: Int32?
    /// Standard output and error together, the first `outputBytesMax`.
    var output: String
  }

  static let outputBytesMax = 64 << 10
  private static let killMax: Duration = .seconds(2)

  /// Runs the program to its end.
  ///
  /// Its words come through a pipe: AppArmor takes a file away from a confined program that may not write it, a pipe
  /// never.
  ///
  /// - Throws: `SystemError`; `ETIMEDOUT` after the program was killed at its deadline. `CancellationError`: it was
  ///   killed too.
  func run() async throws -> Outcome {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw SystemError.last("pipe") }
    let reading = FileDescriptor(owning: ends[0])
    let process: RunningProcess
    do {
      let writing = FileDescriptor(owning: ends[1])
      for end in [reading, writing] { _ = try check(fcntl(end.number, F_SETFD, FD_CLOEXEC), "fcntl") }
      _ = try check(fcntl(reading.number, F_SETFL, O_NONBLOCK), "fcntl")
      process = try RunningProcess.start(words, environment: environment, output: writing, in: namespace)
    }
    let deadline = ContinuousClock.now + timeout
    do {
      let output = try await collect(reading, by: deadline)
      guard try await process.ended(by: deadline) else { throw tooLate }
      return Outcome(status: process.reap(), output: String(decoding: output, as: UTF8.self))
    } catch {
      process.signal(SIGKILL)
      _ = await process.endedRegardless(by: .now + Self.killMax)
      process.reap()
      throw error
    }
  }

  /// What is said until nobody can say more; past the bound it is thrown away, so that the program never waits.
  private func collect(_ pipe: FileDescriptor, by deadline: ContinuousClock.Instant) async throws -> [UInt8] {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(pipe.number, &buffer, buffer.count)
      if count == 0 { return output }
      if count > 0 {
        output += buffer[..<min(count, Self.outputBytesMax - output.count)]
      } else if errno == EAGAIN {
        guard try await pipe.ready(for: .readable, until: deadline) else { throw tooLate }
      } else if errno != EINTR {
        throw SystemError.last("read from \(words[0])")
      }
    }
  }

  private var tooLate: SystemError { SystemError("wait for \(words[0])", code: ETIMEDOUT) }
}

enum CommandOutput {
  /// The end of a log, on one line, without control characters.
  static func lastWords(in path: String, octetsMax: Int) -> String {
    guard let file = opened(path) else { return "" }
    let size = lseek(file.number, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: octetsMax)
    let count = max(0, pread(file.number, &bytes, bytes.count, max(0, size - octetsMax)))
    return oneLine(String(decoding: bytes.prefix(count), as: UTF8.self), octetsMax: octetsMax)
  }

  /// `text` with each run of control characters and spaces as one space, cut to `octetsMax`.
  static func oneLine(_ text: String, octetsMax: Int) -> String {
    let words = text.unicodeScalars.split { $0.value <= 32 || $0.value == 127 }.map(String.init)
    var line = words.joined(separator: " ")
    while line.utf8.count > octetsMax { line.removeLast() }
    return line
  }

  private static func opened(_ path: String) -> FileDescriptor? {
    do { return try FileDescriptor.open(path, O_RDONLY) } catch { return nil }
  }
}
