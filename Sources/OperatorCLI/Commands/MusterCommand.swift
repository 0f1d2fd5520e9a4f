package import ArgumentParser

/// `muster NOUN VERB NAME`.
package struct MusterCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "muster",
    abstract: "Registers, addresses and boots machines through a Muster region.",
    discussion: """
      Exit status: 0 done, unchanged or empty; 1 refused; 2 usage; 3 not found; 4 stale --if-revision; \
      5 invalid data; 6 region unreachable or unauthenticated; 7 wait timed out (the change stays durable); \
      8 answered, but unhealthy; 130 interrupted.
      """,
    version: MusterVersion.text,
    subcommands: [
      StatusCommand.self, SubnetCommand.self, NodeCommand.self, AgentCommand.self, BootCommand.self,
      EventCommand.self, ExplainCommand.self,
    ])

  package init() {}
}

/// The version of this program.
package enum MusterVersion {
  package static let text = "0.1.0"
}

extension MusterCommand {
  /// Runs one command line in `surroundings`, says what went wrong on stderr, and returns the status to exit with.
  package static func main(arguments: [String], in surroundings: Surroundings) async -> CommandStatus {
    await Surroundings.$current.withValue(surroundings) {
      do {
        var command = try parseAsRoot(arguments)
        if var asynchronous = command as? any AsyncParsableCommand {
          try await asynchronous.run()
        } else {
          try command.run()
        }
        return .success
      } catch let failure as CommandFailure {
        report(failure, arguments, surroundings)
        return failure.status
      } catch {
        return parsingEnded(error, surroundings)
      }
    }
  }

  private static func report(_ failure: CommandFailure, _ arguments: [String], _ surroundings: Surroundings) {
    guard !failure.message.isEmpty else { return }
    if wantsJSON(arguments) {
      let fallback = JSONValue.object([
        "error": .object(["code": .string(failure.status.code), "message": .string(failure.message)])
      ])
      surroundings.note((failure.json ?? fallback).text)
    } else {
      surroundings.note("error: " + failure.message)
    }
  }

  private static func wantsJSON(_ arguments: [String]) -> Bool {
    if arguments.contains(where: { $0 == "--output=json" || $0 == "-ojson" || $0 == "-o=json" }) { return true }
    return zip(arguments, arguments.dropFirst()).contains { ($0 == "--output" || $0 == "-o") && $1 == "json" }
  }

  /// Help and versions go to stdout and succeed; everything else is a usage error.
  private static func parsingEnded(_ error: any Error, _ surroundings: Surroundings) -> CommandStatus {
    if exitCode(for: error) == .success {
      surroundings.output(message(for: error))
      return .success
    }
    surroundings.note(fullMessage(for: error).replacingPrefix("Error: ", with: "error: "))
    return .usage
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, with replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
