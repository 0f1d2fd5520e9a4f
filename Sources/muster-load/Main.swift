internal import ArgumentParser
internal import LoadHarness
internal import Logging
internal import NIOPosix
internal import RPC
internal import RPCTransport

/// Plays a data centre's operators against a real region.
@main
struct MusterLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "muster-load",
    abstract: "Sends node operations to a region at a fixed rate and reports what callers saw.",
    discussion: """
      An open loop: operations start on time whether or not earlier ones have ended. Latencies count from the time an \
      operation should have started, so waiting in the harness counts as the caller's waiting. Ends with status 1 when \
      an operation failed or could not be started.
      """)

  @Option(help: "The region: host:port or unix:/path.")
  var region: String = "127.0.0.1:7610"

  @Option(help: "What to do: \(Workload.Operation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var operation: String = "add"

  @Option(help: "Operations in all.")
  var count: Int = 1000

  @Option(help: "Operations started a second, in the mean.")
  var rate: Int = 1000

  @Option(help: "Draw the starts at random from this seed, as independent callers would make them. Without it they are evenly spaced.")
  var seed: UInt64?

  @Option(help: "Connections the calls are spread over, \(LoadLimits.connections.lowerBound) to \(LoadLimits.connections.upperBound).")
  var connections: Int = 4

  @Option(help: "Subnet of the nodes.")
  var subnet: String

  @Option(help: "Node names are this and a number.")
  var prefix: String = "load"

  @Option(help: "An operator's token.", completion: nil)
  var token: String?

  mutating func validate() throws {
    guard Workload.Operation(rawValue: operation) != nil else {
      throw ValidationError("--operation \(operation): write one of \(Workload.Operation.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard LoadLimits.connections.contains(connections) else {
      throw ValidationError(
        "--connections: write \(LoadLimits.connections.lowerBound) to \(LoadLimits.connections.upperBound)")
    }
    if let problem = workload(.add).problem { throw ValidationError(problem) }
  }

  func run() async throws {
    guard let operation = Workload.Operation(rawValue: operation) else { return }
    let address: EndpointAddress
    do {
      address = try EndpointAddress(region)
    } catch {
      throw ValidationError("--region '\(region)': write host:port, [v6]:port or unix:/path")
    }
    let channels = (0..<connections).map { _ in
      ClientChannel(
        addresses: [address], eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "muster-load"))
    }
    let report = try await LoadRun(workload: workload(operation), channels: channels, token: token).run()
    for channel in channels { channel.closeNow() }
    print(report.text)
    if !report.isClean { throw ExitCode(1) }
  }

  private func workload(_ operation: Workload.Operation) -> Workload {
    Workload(
      operation: operation, count: count, rate: rate, pattern: seed.map { .random(seed: $0) } ?? .even, subnet: subnet,
      prefix: prefix)
  }
}
