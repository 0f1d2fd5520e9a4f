internal import ArgumentParser

/// `--yes`, and the question a terminal is asked without it.
struct Confirmation: ParsableArguments {
  @Flag(help: "Do not ask.")
  var yes = false

  /// - Throws: `CommandFailure` with status 2 where nobody can be asked, 1 when the answer is no.
  func confirm(_ question: String, _ surroundings: Surroundings) throws {
    guard !yes else { return }
    guard surroundings.isInputTerminal else {
      throw CommandFailure(.usage, "\(question) Not a terminal: repeat it with --yes.")
    }
    surroundings.writeError("\(question) [y/N] ")
    let answer = surroundings.readLine()?.lowercased() ?? ""
    guard answer == "y" || answer == "yes" else { throw CommandFailure(.refused, "nothing was changed.") }
  }
}
