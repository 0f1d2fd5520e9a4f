#if canImport(Glibc)
internal import Glibc
#endif
package import RPC

/// What a command may touch besides its arguments. Entry points use `live`; tests put their own in place, so a
/// whole command line runs against a region in the same process and its output is compared byte for byte.
package struct Surroundings: Sendable {
  /// Data: tables, JSON, names.
  package var writeOutput: @Sendable (String) -> Void
  /// Progress, hints and errors.
  package var writeError: @Sendable (String) -> Void
  /// A line typed at a prompt; nil at the end of input.
  package var readLine: @Sendable () -> String?
  package var isOutputTerminal: Bool
  package var isInputTerminal: Bool
  package var environment: [String: String]
  /// Nanoseconds since 1970, UTC.
  package var now: @Sendable () -> Int64
  /// A path's bytes, `-` being standard input. Throws `CommandFailure`.
  package var readFile: @Sendable (String) throws -> [UInt8]
  /// Opens a channel to the region; the closure's end closes it.
  package var withChannel: @Sendable (ConnectionTarget, @Sendable (any Channel) async throws -> Void) async throws -> Void

  @TaskLocal package static var current: Surroundings = .live

  package init(
    writeOutput: @escaping @Sendable (String) -> Void,
    writeError: @escaping @Sendable (String) -> Void,
    readLine: @escaping @Sendable () -> String?,
    isOutputTerminal: Bool,
    isInputTerminal: Bool,
    environment: [String: String],
    now: @escaping @Sendable () -> Int64,
    readFile: @escaping @Sendable (String) throws -> [UInt8],
    withChannel:
      @escaping @Sendable (ConnectionTarget, @Sendable (any Channel) async throws -> Void) async throws -> Void
  ) {
    self.writeOutput = writeOutput
    self.writeError = writeError
    self.readLine = readLine
    self.isOutputTerminal = isOutputTerminal
    self.isInputTerminal = isInputTerminal
    self.environment = environment
    self.now = now
    self.readFile = readFile
    self.withChannel = withChannel
  }

  /// A variable of the environment; one that is empty is not set.
  func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// One line of data.
  func output(_ line: String) { writeOutput(line + "\n") }

  /// One line of progress, a hint or an error.
  func note(_ line: String) { writeError(Printable.text(line) + "\n") }

  func hint(_ text: String) { note("hint: " + text) }

  /// Colour only for people: a terminal, and no `NO_COLOR` (no-color.org).
  var usesColor: Bool { isOutputTerminal && variable("NO_COLOR") == nil }
}
