import Foundation
import Logging
import RPC
import Testing

@testable import RPCTransport

/// Our client against gRPC C++: the same cases that grpcio tries against our server.
///
/// Needs the server that `scripts/lib_foreign/build` makes, which `scripts/test` runs.
@Suite(
  .serialized, .enabled(if: FileManager.default.isExecutableFile(atPath: ForeignServer.grpcCPP), "needs \(ForeignServer.grpcCPP)"),
  .timeLimit(.minutes(5)))
struct GRPCCPlusPlusTests {
  private typealias Methods = Conformance.TestMethods

  /// A server and a channel to it. Every call waits for the connection, and has a deadline: a busy machine may take long to
  /// start a process, but a test must not hang on a peer that does.
  private func withServer(
    _ arguments: [String] = [], tls: ClientTLS? = nil, options: ClientOptions = ClientOptions(),
    _ body: (Conformance.TestClient, ClientChannel) async throws -> Void
  ) async throws {
    let server = try await ForeignServer(ForeignServer.grpcCPP, arguments)
    let channel = ClientChannel(addresses: [server.address], tls: tls, options: options, logger: .quiet)
    defer { channel.closeNow() }
    try await body(Conformance.TestClient(channel: channel), channel)
    withExtendedLifetime(server) {}
  }

  private let patience = CallOptions(timeout: .seconds(60), waitForReady: true)

  @Test func anEmptyMessageIsAnswered() async throws {
    try await withServer { (client, _) async throws in
      #expect(try await client.unary(.init(), options: patience) == .init())
    }
  }

  @Test func largeMessagesCross() async throws {
    try await withServer { (client, _) async throws in
      let request = Conformance.EchoRequest(name: "size:314159", payload: [UInt8](repeating: 0, count: 271_828))
      #expect(try await client.unary(request, options: patience).payload.count == 314_159)
    }
  }

  @Test func aMessageOf32MiBCrosses() async throws {
    try await withServer { (client, _) async throws in
      let payload = [UInt8](repeating: 0xa5, count: 32 << 20)
      let options = CallOptions(timeout: .seconds(240), waitForReady: true, maxResponseBytes: 64 << 20)
      #expect(try await client.unary(.init(payload: payload), options: options).payload == payload)
    }
  }

  @Test func requestsOfAStreamAreCounted() async throws {
    try await withServer { (client, _) async throws in
      let reply = try await client.clientStream(options: patience) { requests in
        for size in [27182, 8, 1828, 45904] { try await requests.write(.init(payload: [UInt8](repeating: 0, count: size))) }
      }
      #expect(reply.id == 4)
      #expect(reply.name == "74922")
    }
  }

  @Test func responsesHaveTheSizesAskedFor() async throws {
    try await withServer { (client, _) async throws in
      let sizes = try await client.serverStream(.init(sizes: [31415, 9, 2653, 58979]), options: patience) { replies in
        try await replies.reduce(into: []) { $0.append($1.payload.count) }
      }
      #expect(sizes == [31415, 9, 2653, 58979])
    }
  }

  @Test func bothSidesPlayPingPong() async throws {
    try await withServer { (client, _) async throws in
      let (signal, next) = AsyncStream<UInt64>.makeStream()
      let sizes = try await client.pingPong(options: patience) { requests in
        for await size in signal { try await requests.write(.init(id: size)) }
      } onResponses: { replies in
        var sizes: [Int] = []
        for size in [31415, 9, 2653, 58979] {
          next.yield(UInt64(size))
          sizes.append(try await replies.next()?.payload.count ?? -1)
        }
        next.finish()
        #expect(try await replies.next() == nil)
        return sizes
      }
      #expect(sizes == [31415, 9, 2653, 58979])
    }
  }

  @Test func aStreamMayBeEmpty() async throws {
    try await withServer { (client, _) async throws in
      let count = try await client.pingPong(options: patience) { _ in
      } onResponses: { replies in
        try await replies.reduce(into: 0) { count, _ in count += 1 }
      }
      #expect(count == 0)
    }
  }

  @Test func metadataComesBack() async throws {
    try await withServer { (_, channel) async throws in
      var metadata: Metadata = ["x-initial": "test_initial_metadata_value"]
      metadata.add(binary: [0xab, 0xab, 0xab, 0], for: "x-trailing-bin")
      let response = try await channel.unaryResponse(
        Methods.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self,
        options: CallOptions(timeout: .seconds(60), metadata: metadata, waitForReady: true))
      #expect(response.initialMetadata["x-initial"] == "test_initial_metadata_value")
      #expect(response.trailingMetadata[binary: "x-trailing-bin"] == [0xab, 0xab, 0xab, 0])
    }
  }

  @Test(arguments: ["test status message", "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n", ""])
  func aStatusArrivesWithItsMessage(_ message: String) async throws {
    try await withServer { (client, _) async throws in
      let error = await #expect(throws: RPCError.self) {
        _ = try await client.unary(.init(name: "status:2:\(message)", payload: [8, 9]), options: patience)
      }
      #expect(error?.code == .unknown)
      #expect(error?.message == message)
      #expect(error?.details == [8, 9])
    }
  }

  @Test func unknownMethodsAndServicesAreUnimplemented() async throws {
    try await withServer { (_, channel) async throws in
      for (service, method) in [("conformance.Test", "Nope"), ("nope.Service", "Unary")] {
        let error = await #expect(throws: RPCError.self) {
          _ = try await channel.unary(
            MethodDescriptor(service: service, method: method, kind: .unary), request: Conformance.EchoRequest(),
            responseType: Conformance.EchoReply.self, options: patience)
        }
        #expect(error?.code == .unimplemented)
      }
    }
  }

  @Test func aCallCancelledBeforeItsRequestsEndsThere() async throws {
    try await withServer { (client, _) async throws in
      let (begun, begin) = AsyncStream<Void>.makeStream()
      let call = Task {
        try await client.clientStream(options: patience) { requests in
          try await requests.write(.init(id: 1))
          begin.finish()
          try await Task.sleep(for: .seconds(3600))
        }
      }
      for await _ in begun {}
      call.cancel()
      let error = await #expect(throws: RPCError.self) { _ = try await call.value }
      #expect(error?.code == .cancelled)
    }
  }

  @Test func aCallLeftAfterItsFirstResponseEndsThere() async throws {
    try await withServer { (client, _) async throws in
      let first = try await client.serverStream(.init(payload: [1]), options: patience) { try await $0.next() }
      #expect(first?.id == 0)
      await eventuallyCancelled(1, client)
    }
  }

  @Test func aDeadlineReachesTheServersHandler() async throws {
    try await withServer { (client, _) async throws in
      let left = try await client.unary(.init(name: "deadline"), options: CallOptions(timeout: .seconds(1000), waitForReady: true)).id
      #expect(left > 900_000 && left <= 1_000_000)
      // The first call made the connection; this one cannot expire on the way there.
      let error = await #expect(throws: RPCError.self) {
        _ = try await client.unary(.init(name: "sleep"), options: CallOptions(timeout: .seconds(1)))
      }
      #expect(error?.code == .deadlineExceeded)
      await eventuallyCancelled(1, client)
    }
  }

  @Test func fiveHundredCallsRunAtOnce() async throws {
    try await withServer { client, _ in try await callAll(500, client) }
  }

  @Test func aLimitOfOneStreamQueuesCalls() async throws {
    try await withServer(["--streams-max", "1"]) { client, _ in try await callAll(50, client) }
  }

  private func callAll(_ count: UInt64, _ client: Conformance.TestClient) async throws {
    let sum = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for id in 0..<count { group.addTask { try await client.unary(.init(id: id), options: patience).id } }
      return try await group.reduce(0, +)
    }
    #expect(sum == count * (count - 1) / 2)
  }

  @Test func gzipWorksBothWays() async throws {
    try await withServer { (client, _) async throws in
      let payload = [UInt8](repeating: 65, count: 100_000)
      let options = CallOptions(timeout: .seconds(60), metadata: ["x-gzip": "1"], waitForReady: true, compression: .gzip)
      #expect(try await client.unary(.init(payload: payload), options: options).payload == payload)
    }
  }

  @Test func aResetBeforeAnyHeaderIsAStatus() async throws {
    try await withServer { (client, _) async throws in
      let error = await #expect(throws: RPCError.self) { _ = try await client.unary(.init(name: "reset"), options: patience) }
      #expect(error?.code == .cancelled)
    }
  }

  @Test(arguments: [0, 1, 5]) func aResetAfterSomeMessagesIsAStatus(_ messages: Int) async throws {
    try await withServer { (client, _) async throws in
      let options = CallOptions(timeout: .seconds(60), metadata: ["x-reset-after": .string("\(messages)")], waitForReady: true)
      let error = await #expect(throws: RPCError.self) {
        try await client.serverStream(.init(payload: [1]), options: options) { for try await _ in $0 {} }
      }
      #expect(error?.code == .cancelled)
    }
  }

  @Test func goAwayUnderLoadFailsNoCall() async throws {
    // A connection lives for half a second, so that calls meet several GOAWAYs.
    try await withServer(["--age-ms", "500"]) { (client, _) async throws in
      let end = ContinuousClock.now.advanced(by: .seconds(3))
      let count = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<16 {
          group.addTask {
            var count = 0
            while ContinuousClock.now < end {
              _ = try await client.unary(.init(), options: CallOptions(timeout: .seconds(60), waitForReady: true))
              count += 1
            }
            return count
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(count > 0)
    }
  }

  @Test func aCallOutlivesTheGoAwayOfItsConnection() async throws {
    try await withServer(["--age-ms", "500"]) { (client, _) async throws in
      let sizes = try await client.pingPong(options: patience) { requests in
        for size in UInt64(1)...4 {
          try await requests.write(.init(id: size))
          try await Task.sleep(for: .milliseconds(300))
        }
      } onResponses: { replies in
        try await replies.reduce(into: []) { $0.append($1.payload.count) }
      }
      #expect(sizes == [1, 2, 3, 4])
    }
  }

  @Test func theServersPingsAreAnswered() async throws {
    // A server whose pings nobody answers closes the connection; the call below would not survive that.
    try await withServer(["--ping-ms", "20"]) { (client, _) async throws in
      let count = try await client.pingPong(options: patience) { requests in
        for _ in 0..<10 {
          try await requests.write(.init(id: 1))
          try await Task.sleep(for: .milliseconds(50))
        }
      } onResponses: { replies in
        try await replies.reduce(into: 0) { count, _ in count += 1 }
      }
      #expect(count == 10)
    }
  }

  @Test func aServerThatFindsOurPingsTooManyIsServedOn() async throws {
    // gRPC C++ forgives two pings within five minutes, then says GOAWAY; the channel connects again and pings less.
    var options = ClientOptions()
    options.keepaliveInterval = .milliseconds(20)
    options.keepaliveWithoutCalls = true
    options.backoff = Backoff(base: .milliseconds(5), longest: .milliseconds(20))
    try await withServer(options: options) { (client, _) async throws in
      for id in UInt64(0)..<5 {
        #expect(try await client.unary(.init(id: id), options: CallOptions(timeout: .seconds(60), waitForReady: true)).id == id)
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  @Test func aSlowReaderStopsTheServer() async throws {
    try await withServer { (client, _) async throws in
      let ids = try await client.serverStream(
        .init(payload: [UInt8](repeating: 0, count: 10_000)), options: patience
      ) { replies in
        var ids: [UInt64] = []
        for _ in 0..<200 {
          if ids.count == 3 { try await Task.sleep(for: .milliseconds(300)) }
          ids.append(try await replies.next()?.id ?? .max)
        }
        return ids
      }
      #expect(ids == Array(0..<200))
    }
  }

  @Test(arguments: [false, true]) func tlsSpeaksH2(_ isMutual: Bool) async throws {
    let files = try CertificateFiles()
    let bytes = TestCertificate.shared
    var tls = ClientTLS(trustRoots: .bytes(bytes.certificatePEM), serverName: "localhost")
    if isMutual {
      tls.certificateChain = .bytes(bytes.certificatePEM)
      tls.privateKey = .bytes(bytes.keyPEM)
    }
    let arguments = ["--tls", files.certificate, files.key] + (isMutual ? [files.certificate] : [])
    try await withServer(arguments, tls: tls) { (client, _) async throws in
      #expect(try await client.unary(.init(id: 7), options: patience).id == 7)
      #expect(try await client.unary(.init(name: "authority"), options: patience).name == "localhost")
    }
    withExtendedLifetime(files) {}
  }

  @Test func aServerThatWantsACertificateTurnsStrangersAway() async throws {
    let files = try CertificateFiles()
    let tls = ClientTLS(trustRoots: .bytes(TestCertificate.shared.certificatePEM), serverName: "localhost")
    try await withServer(["--tls", files.certificate, files.key, files.certificate], tls: tls) { (client, _) async throws in
      let error = await #expect(throws: RPCError.self) {
        _ = try await client.unary(.init(), options: CallOptions(timeout: .seconds(60)))
      }
      #expect(error?.code == .unavailable)
    }
    withExtendedLifetime(files) {}
  }

  /// Until the server saw so many of its handlers cancelled.
  private func eventuallyCancelled(_ count: UInt64, _ client: Conformance.TestClient) async {
    var seen: UInt64 = 0
    do {
      while seen < count {
        try await Task.sleep(for: .milliseconds(5))
        seen = try await client.unary(.init(name: "cancelled"), options: patience).id
      }
    } catch {
      Issue.record(error)
    }
    #expect(seen == count)
  }
}

/// The tests' certificate where other programs read it.
final class CertificateFiles: Sendable {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "rpc-tls-\(UUID())")
  var certificate: String { directory.appending(path: "cert.pem").path }
  var key: String { directory.appending(path: "key.pem").path }

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try Data(TestCertificate.shared.certificatePEM).write(to: URL(filePath: certificate))
    try Data(TestCertificate.shared.keyPEM).write(to: URL(filePath: key))
  }

  deinit {
    do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) }
  }
}

extension Logger {
  /// For servers and clients whose peers misbehave on purpose.
  static var quiet: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }
}
