import HTTP2
import Logging
import NIOCore
import NIOPosix
import RPC
import Synchronization
import Testing

@testable import RPCTransport

/// What users expect of a client when servers come, go and misbehave.
@Suite(.timeLimit(.minutes(3))) struct ClientChannelTests {
  private let echo = ConformanceService.unary

  private func quiet() -> Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }

  private func call(_ channel: some RPC.Channel, _ name: String = "", options: CallOptions = CallOptions()) async throws -> String {
    try await channel.unary(
      echo, request: Conformance.EchoRequest(name: name), responseType: Conformance.EchoReply.self, options: options
    ).name
  }

  private func serve(_ service: ConformanceService, port: Int, limits: ServerLimits = ServerLimits()) async throws -> (Task<Void, any Error>, Int) {
    let server = Server(
      router: Router(services: [service]), listeners: [Listener(address: .tcp(host: "127.0.0.1", port: port))], limits: limits,
      logger: quiet())
    let task = Task { try await server.run() }
    guard case .tcp(_, let port) = try await server.boundAddresses[0] else { return (task, 0) }
    return (task, port)
  }

  @Test func aRefusedConnectSaysSoAndWhere() async throws {
    try await withReservedPort { port in
      let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], logger: quiet())
      let error = await #expect(throws: RPCError.self) { _ = try await call(channel) }
      #expect(error?.code == .unavailable)
      #expect(error?.message == "connection refused (127.0.0.1:\(port))")
      await channel.close()
    }
  }

  @Test func aChannelConnectsOnlyForACall() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    try await withReservedPort { port in
      var options = ClientOptions()
      // Had the channel tried before the server was there, it would not try again while this test runs.
      options.backoff = Backoff(base: .seconds(1000), longest: .seconds(1000))
      let address = EndpointAddress.tcp(host: "127.0.0.1", port: port)
      let lazy = ClientChannel(addresses: [address], options: options, eventLoopGroup: group, logger: quiet())
      // Goes the way of an attempt, after it.
      let other = ClientChannel(addresses: [address], eventLoopGroup: group, logger: quiet())
      _ = await #expect(throws: RPCError.self) { _ = try await call(other) }
      let (server, _) = try await serve(ConformanceService(), port: port)
      #expect(try await call(lazy, "first") == "first")
      server.cancel()
      await lazy.close()
      await other.close()
      try await group.shutdownGracefully()
    }
  }

  @Test func aMissingSocketFileSaysSoAndWhere() async throws {
    let channel = ClientChannel(addresses: [.unix(path: "/tmp/no-such-socket")], logger: quiet())
    let error = await #expect(throws: RPCError.self) { _ = try await call(channel) }
    #expect(error?.message == "no such file or directory (unix:/tmp/no-such-socket)")
    await channel.close()
  }

  @Test func aServerThatIsNotTrustedSaysSo() async throws {
    try await withFixture(.tls) { fixture in
      let channel = ClientChannel(addresses: [fixture.address!], tls: ClientTLS(serverName: "localhost"), logger: quiet())
      let error = await #expect(throws: RPCError.self) { _ = try await call(channel) }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("CERTIFICATE_VERIFY_FAILED") == true, "\(error?.message ?? "")")
      await channel.close()
    }
  }

  @Test func aCallThatWaitsForReadyOutlivesTheServersAbsence() async throws {
    try await withReservedPort { port in
      var options = ClientOptions()
      options.backoff = Backoff(base: .milliseconds(5), longest: .milliseconds(20))
      let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], options: options, logger: quiet())
      async let answer = call(channel, "waited", options: CallOptions(timeout: .seconds(120), waitForReady: true))
      // The first attempt fails before the server exists.
      _ = await #expect(throws: RPCError.self) { _ = try await call(channel) }
      let (server, _) = try await serve(ConformanceService(), port: port)
      #expect(try await answer == "waited")
      server.cancel()
      await channel.close()
    }
  }

  @Test func aCallThatWaitsForReadyEndsAtItsDeadline() async throws {
    try await withReservedPort { port in
      let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], logger: quiet())
      let error = await #expect(throws: RPCError.self) {
        _ = try await call(channel, options: CallOptions(timeout: .milliseconds(30), waitForReady: true))
      }
      #expect(error?.code == .deadlineExceeded)
      await channel.close()
    }
  }

  @Test func pickFirstGoesOnToTheNextAddress() async throws {
    try await withReservedPort { dead in
      let (server, port) = try await serve(ConformanceService(), port: 0)
      let channel = ClientChannel(
        addresses: [.tcp(host: "127.0.0.1", port: dead), .tcp(host: "127.0.0.1", port: port)], logger: quiet())
      #expect(try await call(channel, "second") == "second")
      await channel.close()
      server.cancel()
    }
  }

  @Test func roundRobinUsesEveryServer() async throws {
    let services = [ConformanceService(), ConformanceService()]
    let servers = [try await serve(services[0], port: 0), try await serve(services[1], port: 0)]
    var options = ClientOptions()
    options.policy = .roundRobin
    let channel = ClientChannel(
      addresses: servers.map { .tcp(host: "127.0.0.1", port: $0.1) }, options: options, logger: quiet())
    await eventually {
      services.allSatisfy { $0.calls.load(ordering: .relaxed) > 0 }
    } whileDoing: {
      _ = try await call(channel)
    }
    let before = services.map { $0.calls.load(ordering: .relaxed) }
    for _ in 0..<10 { _ = try await call(channel) }
    let after = services.map { $0.calls.load(ordering: .relaxed) }
    #expect(zip(after, before).map { $0 - $1 } == [5, 5])
    await channel.close()
    for (server, _) in servers { server.cancel() }
  }

  @Test func aLostServerIsFoundAgain() async throws {
    let (first, port) = try await serve(ConformanceService(), port: 0)
    var options = ClientOptions()
    options.backoff = Backoff(base: .milliseconds(5), longest: .milliseconds(20))
    let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], options: options, logger: quiet())
    #expect(try await call(channel, "one") == "one")
    first.cancel()
    try await first.value
    let (second, _) = try await serve(ConformanceService(), port: port)
    #expect(try await call(channel, "two", options: CallOptions(timeout: .seconds(120), waitForReady: true)) == "two")
    second.cancel()
    await channel.close()
  }

  @Test func aGracefulShutdownLetsRunningCallsEnd() async throws {
    let service = ConformanceService()
    let (server, port) = try await serve(service, port: 0)
    let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], logger: quiet())
    let (signal, next) = AsyncStream<UInt64>.makeStream()
    let sizes = try await channel.bidirectional(
      ConformanceService.pingPong,
      requests: { (writer: RequestWriter<Conformance.EchoRequest>) in
        for await size in signal { try await writer.write(Conformance.EchoRequest(id: size)) }
      },
      onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in
        next.yield(1)
        var sizes = [try await stream.next()?.payload.count ?? -1]
        server.cancel()
        // The listener is gone: the shutdown has begun.
        let other = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], logger: quiet())
        await eventually { service.refusals.load(ordering: .relaxed) > 0 } whileDoing: {
          do {
            _ = try await call(other)
          } catch {
            service.refusals.add(1, ordering: .relaxed)
          }
        }
        await other.close()
        next.yield(2)
        sizes.append(try await stream.next()?.payload.count ?? -1)
        next.finish()
        #expect(try await stream.next() == nil)
        return sizes
      })
    #expect(sizes == [1, 2])
    try await server.value
    await channel.close()
  }

  @Test func aShutdownDoesNotWaitForEver() async throws {
    var limits = ServerLimits()
    limits.drainTimeout = .milliseconds(50)
    let service = ConformanceService()
    let (server, port) = try await serve(service, port: 0, limits: limits)
    let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], logger: quiet())
    let answer = Task { try await call(channel, "sleep") }
    await eventually { service.runningHandlers.load(ordering: .relaxed) == 1 }
    server.cancel()
    try await server.value
    let error = await #expect(throws: RPCError.self) { try await answer.value }
    #expect(error?.code == .unavailable)
    #expect(service.cancelledHandlers.load(ordering: .relaxed) == 1)
    await channel.close()
  }

  @Test func goAwayUnderLoadFailsNoCall() async throws {
    try await withReservedPort { port in
      var (server, _) = try await serve(ConformanceService(), port: port)
      var options = ClientOptions()
      options.backoff = Backoff(base: .milliseconds(5), longest: .milliseconds(20))
      let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: port)], options: options, logger: quiet())
      let isDone = Flag()
      let done = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            var count = 0
            while !isDone.isSet {
              _ = try await call(channel, options: CallOptions(timeout: .seconds(120), waitForReady: true))
              count += 1
            }
            return count
          }
        }
        for _ in 0..<5 {
          try await Task.sleep(for: .milliseconds(50))
          server.cancel()
          try await server.value
          server = try await serveAgain {
            Server(
              router: Router(services: [ConformanceService()]),
              listeners: [Listener(address: .tcp(host: "127.0.0.1", port: port))], logger: quiet())
          }
        }
        isDone.set()
        return try await group.reduce(0, +)
      }
      #expect(done > 0)
      server.cancel()
      await channel.close()
    }
  }

  @Test func aLimitOfOneStreamQueuesCalls() async throws {
    var limits = ServerLimits()
    limits.connection.limits.concurrentStreamsMax = 1
    try await withFixture(.tcp, limits: limits) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 { group.addTask { _ = try await call(fixture.channel as! ClientChannel) } }
        try await group.waitForAll()
      }
    }
  }

  @Test func aSilentServerIsNoticedByKeepalive() async throws {
    // Says SETTINGS, so that the client believes in it, and nothing more.
    let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { $0.pipeline.addHandler(Speaker(octets: [0, 0, 0, 4, 0, 0, 0, 0, 0])) }
      .bind(host: "127.0.0.1", port: 0).get()
    var options = ClientOptions()
    options.keepaliveInterval = .milliseconds(20)
    options.keepaliveTimeout = .milliseconds(20)
    let channel = ClientChannel(
      addresses: [.tcp(host: "127.0.0.1", port: silent.localAddress!.port!)], options: options, logger: quiet())
    let error = await #expect(throws: RPCError.self) { _ = try await call(channel) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.hasPrefix("the server did not answer a keepalive ping") == true, "\(error?.message ?? "")")
    await channel.close()
    try await silent.close()
  }

  @Test func aServerThatSpeaksAnotherProtocolIsNamed() async throws {
    let other = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { $0.pipeline.addHandler(Speaker(octets: Array("220 smtp.example.org ESMTP\r\n".utf8))) }
      .bind(host: "127.0.0.1", port: 0).get()
    let channel = ClientChannel(addresses: [.tcp(host: "127.0.0.1", port: other.localAddress!.port!)], logger: quiet())
    let error = await #expect(throws: RPCError.self) { _ = try await call(channel) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.hasPrefix("the server does not speak HTTP/2") == true, "\(error?.message ?? "")")
    await channel.close()
    try await other.close()
  }

  @Test func aServerRefusesCleartextBeyondThisMachine() async throws {
    let server = Server(
      router: Router(services: []), listeners: [Listener(address: .tcp(host: "0.0.0.0", port: 0))], logger: quiet())
    await #expect(throws: ServerError.cleartextNotLocal(.tcp(host: "0.0.0.0", port: 0))) { try await server.run() }
  }

  @Test func aTakenPortSaysSo() async throws {
    let (server, port) = try await serve(ConformanceService(), port: 0)
    let error = await #expect(throws: ServerError.self) { _ = try await serve(ConformanceService(), port: port) }
    #expect(error?.description == "cannot listen on 127.0.0.1:\(port): address already in use")
    server.cancel()
  }

  @Test func mutualTLSShowsTheClientsName() async throws {
    let certificate = TestCertificate.shared
    let service = ConformanceService()
    let tls = ServerTLS(
      certificateChain: .bytes(certificate.certificatePEM), privateKey: .bytes(certificate.keyPEM),
      clientTrustRoots: .bytes(certificate.certificatePEM))
    let server = Server(
      router: Router(services: [service]),
      listeners: [Listener(address: .tcp(host: "127.0.0.1", port: 0), tls: tls)], logger: quiet())
    let running = Task { try await server.run() }
    let address = try await server.boundAddresses[0]
    var client = ClientTLS(trustRoots: .bytes(certificate.certificatePEM), serverName: "localhost")
    let stranger = ClientChannel(addresses: [address], tls: client, logger: quiet())
    _ = await #expect(throws: RPCError.self) { _ = try await call(stranger) }
    client.certificateChain = .bytes(certificate.certificatePEM)
    client.privateKey = .bytes(certificate.keyPEM)
    let channel = ClientChannel(addresses: [address], tls: client, logger: quiet())
    #expect(try await call(channel, "certificate") == "localhost")
    await channel.close()
    await stranger.close()
    running.cancel()
  }
}

/// Does something again and again until `condition` holds.
private func eventually(_ condition: () -> Bool, whileDoing body: () async throws -> Void) async {
  while !condition(), !Task.isCancelled {
    do {
      try await body()
    } catch {
      Issue.record(error)
      return
    }
  }
}

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// Says something to whoever connects, and nothing more.
private final class Speaker: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let octets: [UInt8]

  init(octets: [UInt8]) {
    self.octets = octets
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(NIOAny(ByteBuffer(bytes: octets)), promise: nil)
  }
}
