import RPC
import Synchronization

@testable import OperatorCLI

/// A command's world in memory, with nobody at the region's address.
final class Capture: Sendable {
  private let texts = Mutex((output: "", errors: ""))

  var output: String { texts.withLock { $0.output } }
  var errors: String { texts.withLock { $0.errors } }

  var surroundings: Surroundings {
    Surroundings(
      writeOutput: { text in self.texts.withLock { $0.output += text } },
      writeError: { text in self.texts.withLock { $0.errors += text } },
      readLine: { nil },
      isOutputTerminal: false,
      isInputTerminal: false,
      environment: [:],
      now: { now },
      readFile: { path in throw CommandFailure(.usage, "cannot read \(path)") },
      withChannel: { _, _ in throw RPCError(.unavailable, "connection refused") })
  }
}
