import Logging
import NIOPosix
import RPC

@testable import RPCTransport

/// The ways from a client to a server that every kind of call is tried over.
enum Transport: String, CaseIterable, Sendable {
  case inMemory, tcp, unix, tls
}

/// A server and a channel to it for the length of a test.
struct Fixture: Sendable {
  let service: ConformanceService
  let channel: any RPC.Channel
  let address: EndpointAddress?
}

func withFixture<R: Sendable>(
  _ transport: Transport, limits: ServerLimits = ServerLimits(), options: ClientOptions = ClientOptions(),
  _ body: @Sendable (Fixture) async throws -> R
) async throws -> R {
  let service = ConformanceService()
  let router = Router(services: [service])
  let certificate = TestCertificate.shared
  switch transport {
  case .inMemory:
    return try await body(Fixture(service: service, channel: InMemoryChannel(router: router), address: nil))
  case .tcp:
    return try await withServer(service, Listener(address: .tcp(host: "127.0.0.1", port: 0)), limits, nil, options, body)
  case .unix:
    let path = "/tmp/rpc-test-\(UInt32.random(in: 0 ... .max)).sock"
    return try await withServer(service, Listener(address: .unix(path: path)), limits, nil, options, body)
  case .tls:
    let listener = Listener(
      address: .tcp(host: "127.0.0.1", port: 0),
      tls: ServerTLS(certificateChain: .bytes(certificate.certificatePEM), privateKey: .bytes(certificate.keyPEM)))
    let tls = ClientTLS(trustRoots: .bytes(certificate.certificatePEM), serverName: "localhost")
    return try await withServer(service, listener, limits, tls, options, body)
  }
}

private func withServer<R: Sendable>(
  _ service: ConformanceService, _ listener: Listener, _ limits: ServerLimits, _ tls: ClientTLS?, _ options: ClientOptions,
  _ body: @Sendable (Fixture) async throws -> R
) async throws -> R {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let server = Server(router: Router(services: [service]), listeners: [listener], limits: limits, logger: logger)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.run() }
    defer { group.cancelAll() }
    let address = try await server.boundAddresses[0]
    let channel = ClientChannel(addresses: [address], tls: tls, options: options, logger: logger)
    let result: R
    do {
      result = try await body(Fixture(service: service, channel: channel, address: address))
    } catch {
      channel.closeNow()
      throw error
    }
    channel.closeNow()
    await channel.close()
    return result
  }
}
