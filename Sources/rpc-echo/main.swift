#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import Logging
internal import NIOPosix
internal import RPC
internal import RPCTransport

/// The benchmark's server: `rpc-echo PORT [--sync] [--tls CERT KEY]`, one event loop.
struct Arguments {
  var port: Int
  var isSynchronous = false
  var tls: ServerTLS?

  init?(_ arguments: [String]) {
    guard let first = arguments.first, let port = Int(first) else { return nil }
    self.port = port
    var rest = arguments.dropFirst()
    while let option = rest.popFirst() {
      switch option {
      case "--sync": isSynchronous = true
      case "--tls":
        guard let certificate = rest.popFirst(), let key = rest.popFirst() else { return nil }
        tls = ServerTLS(certificateChain: .file(certificate), privateKey: .file(key))
      default: return nil
      }
    }
  }
}

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

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
  print("usage: rpc-echo PORT [--sync] [--tls CERT KEY]")
  exit(2)
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
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let server = Server(
  router: Router(handlers: handlers + tools.flatMap(\.methods)),
  listeners: [Listener(address: .tcp(host: "127.0.0.1", port: arguments.port), tls: arguments.tls)],
  eventLoopGroup: group, logger: logger)
try await server.run()
