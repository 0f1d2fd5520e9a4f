#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import CoreMetrics
internal import Logging
internal import MetricsText
internal import NIOPosix
internal import RPC
internal import RPCTransport
internal import UnixSignals

/// The benchmark's server, one event loop; `Arguments.usage` says what it takes.
struct Echo: Bench.Echo {
  nonisolated(nonsending) func unary(_ request: Bench.EchoRequest, context: ServerContext) async throws -> Bench.EchoReply {
    Bench.EchoReply(id: request.id, name: request.name, payload: request.payload)
  }

  nonisolated(nonsending) func serverStream(
    _ request: Bench.StreamRequest, responses: ResponseWriter<Bench.EchoReply>, context: ServerContext
  ) async throws {
    for id in 0..<request.count {
      try await responses.write(Bench.EchoReply(id: UInt64(id), payload: request.payload))
    }
  }
}

let arguments: Arguments
do {
  arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
} catch {
  print(error.line)
  exit(2)
}
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
if let port = arguments.metricsPort {
  let metrics = TextMetrics()
  MetricsSystem.bootstrap(metrics)
  // A loop of its own, which answers while the server's is under attack.
  try await MetricsPage.listen(port: port, metrics: metrics, group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
}
let echo = Echo()
let handlers: [MethodHandler] =
  arguments.isSynchronous
  ? [
    .immediate(Bench.EchoMethods.unary) { (request: Bench.EchoRequest, _) in
      Bench.EchoReply(id: request.id, name: request.name, payload: request.payload)
    },
    .serverStreaming(Bench.EchoMethods.serverStream) { try await echo.serverStream($0, responses: $1, context: $2) },
  ]
  : echo.methods
let tools: [any Service] =
  [HealthService(services: ["bench.Echo"])] + Reflection.services(files: Bench.fileDescriptors, serviceNames: ["bench.Echo"])
var logger = Logger(label: "rpc-echo")
logger.logLevel = .warning
let server = Server(
  router: Router(handlers: handlers + tools.flatMap(\.methods)),
  listeners: [Listener(address: .tcp(host: "127.0.0.1", port: arguments.port), tls: arguments.tls)],
  limits: arguments.limits, eventLoopGroup: group, logger: logger)
// By its own hand, so that whoever measures the process hears of its end. Nobody needs what a client is still waiting for.
Task { for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { exit(0) } }
try await server.run()
