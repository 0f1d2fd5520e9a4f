// bench.Echo by grpc-swift-2: `echo-peer PORT [--tls CERT KEY]`, one event loop. A peer of scripts/bench.
//
// bench.pb.swift and bench.grpc.swift are what protoc-gen-swift 1.39.0 and protoc-gen-grpc-swift-2 2.4.1 make of
// proto/bench/bench.proto, so that this server does the same work as the others: protobuf in, protobuf out.
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import NIOPosix

struct Echo: Bench_Echo.SimpleServiceProtocol {
  func unary(request: Bench_EchoRequest, context: ServerContext) async throws -> Bench_EchoReply {
    var reply = Bench_EchoReply()
    reply.id = request.id
    reply.name = request.name
    reply.payload = request.payload
    return reply
  }

  func serverStream(
    request: Bench_StreamRequest, response: RPCWriter<Bench_EchoReply>, context: ServerContext
  ) async throws {
    var reply = Bench_EchoReply()
    reply.payload = request.payload
    for id in 0..<request.count {
      reply.id = UInt64(id)
      try await response.write(reply)
    }
  }
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard let port = arguments.first.flatMap({ Int($0) }), arguments.count == 1 || arguments.count == 4 else {
  print("usage: echo-peer PORT [--tls CERT KEY]")
  exit(2)
}
let security: HTTP2ServerTransport.Posix.TransportSecurity =
  arguments.count == 4
  ? .tls(
    certificateChain: [.file(path: arguments[2], format: .pem)],
    privateKey: .file(path: arguments[3], format: .pem))
  : .plaintext
let server = GRPCServer(
  transport: .http2NIOPosix(
    address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: security,
    eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1)),
  services: [Echo()])
try await server.serve()
