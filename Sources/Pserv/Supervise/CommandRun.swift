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

  /// - Throws: `SystemError`; `ETIMEDOUT` after the program was killed at its deadline. `CancellationError`: it was
  ///   killed too.
  func run(outputDirectory: String) async throws -> Outcome {
    // A file and not a pipe: a talkative program never waits for us. It has no name, so nothing is left behind.
    let output = try FileDescriptor.open(outputDirectory, O_RDWR | O_TMPFILE_LINUX, mode: 0o600)
    let process = try RunningProcess.start(words, environment: environment, output: output, in: namespace)
    do {
      guard try await process.ended(by: .now + timeout) else {
        throw SystemError("wait for \(words[0])", code: ETIMEDOUT)
      }
    } catch {
      process.signal(SIGKILL)
      _ = await process.endedRegardless(by: .now + Self.killMax)
      process.reap()
      throw error
    }
    let status = process.reap()
    var bytes = [UInt8](repeating: 0, count: Self.outputBytesMax)
    let count = max(0, pread(output.number, &bytes, bytes.count, 0))
    return Outcome(status: status, output: String(decoding: bytes.prefix(count), as: UTF8.self))
  }

  /// `O_TMPFILE` of x86-64 and arm64 (it holds `O_DIRECTORY`, whose number differs between the two).
  private var O_TMPFILE_LINUX: Int32 { 0o20000000 | O_DIRECTORY }
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
