internal import ArgumentParser
internal import RPC

/// A command that talks to the region: parses, opens a channel, runs, and turns errors into words and a status.
protocol RegionCommand: AsyncParsableCommand, Sendable {
  var global: GlobalOptions { get }
  /// What can be refused without the region: checked, and asked at the terminal, before anything is opened.
  func prepare(_ surroundings: Surroundings) throws
  func run(_ region: RegionConnection) async throws
}

/// What a command works with once it is connected.
struct RegionConnection: Sendable {
  var channel: any Channel
  var target: ConnectionTarget
  var global: GlobalOptions
  var surroundings: Surroundings

  var format: OutputFormat { global.output }
  /// For calls that answer at once.
  var options: CallOptions { streamingOptions(timeout: .seconds(GlobalOptions.callSecondsMax)) }

  /// Options for calls that end by themselves or by `timeout` only.
  func streamingOptions(timeout: Duration? = nil) -> CallOptions {
    var options = CallOptions()
    options.timeout = timeout
    if let token = target.token { options.metadata["authorization"] = "Bearer \(token)" }
    return options
  }
}

extension RegionCommand {
  func prepare(_ surroundings: Surroundings) throws {}

  mutating func run() async throws {
    let surroundings = Surroundings.current
    try prepare(surroundings)
    let target = try global.target(surroundings)
    let command = self
    do {
      try await surroundings.withChannel(target) { channel in
        try await command.run(
          RegionConnection(channel: channel, target: target, global: command.global, surroundings: surroundings))
      }
    } catch let error as RPCError {
      throw ErrorReport(error, region: target.address).failure
    }
  }
}
