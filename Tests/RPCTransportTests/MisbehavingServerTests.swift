import Foundation
import Logging
import RPC
import Testing

@testable import RPCTransport

/// Our client against a server that misbehaves on purpose (`Foreign/misbehave.py`).
@Suite(.serialized, .enabled(if: Python.isThere, "needs \(Python.path)"), .timeLimit(.minutes(5)))
struct MisbehavingServerTests {
  private func withServer(
    streamsMax: Int = 100, options: ClientOptions = ClientOptions(), _ body: (ClientChannel) async throws -> Void
  ) async throws {
    let server = try await ForeignServer.python("misbehave.py", "\(streamsMax)")
    var options = options
    options.backoff = Backoff(base: .milliseconds(5), longest: .milliseconds(20))
    let channel = ClientChannel(addresses: [server.address], options: options, logger: .quiet)
    defer { channel.closeNow() }
    try await body(channel)
    withExtendedLifetime(server) {}
  }

  private func call(_ channel: ClientChannel, _ behaviour: String, key: String = "1") async throws -> Conformance.EchoReply {
    try await channel.unary(
      Conformance.TestMethods.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self,
      options: CallOptions(
        timeout: .seconds(60), metadata: ["x-behave": .string(behaviour), "x-key": .string(key)], waitForReady: true))
  }

  /// What ends a call with an error leaves the connection, or the channel, fit for the next one.
  @Test(arguments: [
    ("reset-before-headers", StatusCode.internalError), ("reset-after-headers", .internalError),
    ("reset-within-message", .internalError), ("reset-after-message", .internalError),
    ("end-within-message", .internalError), ("end-without-trailers", .unknown), ("no-message", .internalError),
    ("two-messages", .internalError), ("message-of-4-gib", .resourceExhausted), ("not-protobuf", .internalError),
    ("unknown-status", .unknown), ("status-that-is-no-number", .unknown), ("not-grpc", .unknown),
    ("refuse-always", .unavailable), ("close-within-message", .unavailable), ("break-http2", .unavailable),
  ])
  func aBrokenAnswerIsAStatus(_ behaviour: String, _ code: StatusCode) async throws {
    try await withServer { (channel) async throws in
      let error = await #expect(throws: RPCError.self) { _ = try await call(channel, behaviour) }
      #expect(error?.code == code, "\(error?.message ?? "")")
      #expect(try await call(channel, "answer") == .init())
    }
  }

  @Test(arguments: [
    "reset-after-trailers", "early-hints", "octet-by-octet", "pings-between", "refuse-once", "goaway-before",
    "goaway-then-answer", "goaway-in-two-phases",
  ])
  func anUnusualAnswerIsAnAnswer(_ behaviour: String) async throws {
    try await withServer { (channel) async throws in
      #expect(try await call(channel, behaviour) == .init())
      #expect(try await call(channel, "answer") == .init())
    }
  }

  @Test func aStreamsMessagesCountBeforeItsReset() async throws {
    try await withServer { (channel) async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.serverStreaming(
          Conformance.TestMethods.serverStream, request: Conformance.StreamRequest(), responseType: Conformance.EchoReply.self,
          options: CallOptions(timeout: .seconds(60), metadata: ["x-behave": "reset-after-message"])
        ) { replies in
          #expect(try await replies.next() == .init())
          _ = try await replies.next()
        }
      }
      #expect(error?.code == .internalError)
    }
  }

  @Test func noMoreStreamsAreOpenThanTheServerAllows() async throws {
    try await withServer(streamsMax: 1) { channel in
      let most = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for _ in 0..<30 { group.addTask { try await call(channel, "most-streams").id } }
        return try await group.reduce(0, max)
      }
      #expect(most == 1)
    }
  }

  @Test func manyRefusedCallsAreAllServedAtLast() async throws {
    try await withServer { (channel) async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for key in 0..<50 {
          group.addTask { _ = try await call(channel, key % 2 == 0 ? "refuse-once" : "answer", key: "\(key)") }
        }
        try await group.waitForAll()
      }
    }
  }
}
