import Logging
import NIOPosix
import RPC
import Synchronization
import Testing

@testable import RPCTransport

/// Handlers run one after the other in tasks that live on; none may notice another.
@Suite(.timeLimit(.minutes(2))) struct HandlerTaskTests {
  private static let wait = MethodDescriptor(service: "test.Tasks", method: "Wait", kind: .unary)
  private static let look = MethodDescriptor(service: "test.Tasks", method: "Look", kind: .unary)
  private static let spin = MethodDescriptor(service: "test.Tasks", method: "Spin", kind: .unary)
  private static let stop = MethodDescriptor(service: "test.Tasks", method: "Stop", kind: .unary)
  private static let echo = MethodDescriptor(service: "test.Tasks", method: "Echo", kind: .unary)
  private static let echoAtOnce = MethodDescriptor(service: "test.Tasks", method: "EchoAtOnce", kind: .unary)
  private static let meet = MethodDescriptor(service: "test.Tasks", method: "Meet", kind: .unary)

  @TaskLocal private static var mark: UInt64 = 0

  private static let isSpinning = Mutex(false)
  private static let isStopped = Mutex(false)

  /// Lets nobody on before so many came.
  private final class Gate: Sendable {
    private let state: Mutex<(missing: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ count: Int) { state = Mutex((count, [])) }

    func pass() async {
      await withCheckedContinuation { continuation in
        let woken = state.withLock { state in
          state.missing -= 1
          state.waiting.append(continuation)
          guard state.missing <= 0 else { return [CheckedContinuation<Void, Never>]() }
          defer { state.waiting = [] }
          return state.waiting
        }
        for continuation in woken { continuation.resume() }
      }
    }
  }

  private static func handlers(gate: Gate) -> [MethodHandler] {
    [
      .unary(wait) { (_: Bench.EchoRequest, _) in
        try await Task.sleep(for: .seconds(3600))
        return Bench.EchoReply()
      },
      // Says 1 for a cancelled task and adds what an earlier handler marked.
      .unary(look) { (request: Bench.EchoRequest, _) in
        let found = mark + (Task.isCancelled ? 1 : 0)
        return await $mark.withValue(100) {
          await Task.yield()
          return Bench.EchoReply(id: found)
        }
      },
      // Never waits, and lets others on.
      .unary(spin) { (_: Bench.EchoRequest, _) in
        isSpinning.withLock { $0 = true }
        while !isStopped.withLock({ $0 }) { await Task.yield() }
        return Bench.EchoReply()
      },
      .unary(stop) { (_: Bench.EchoRequest, _) in
        isStopped.withLock { $0 = true }
        return Bench.EchoReply()
      },
      // 1 for a handler that runs on an event loop.
      .unary(echo) { (request: Bench.EchoRequest, _) in
        Bench.EchoReply(id: MultiThreadedEventLoopGroup.currentEventLoop == nil ? 0 : 1, payload: request.payload)
      },
      .immediate(echoAtOnce) { (request: Bench.EchoRequest, _) in
        Bench.EchoReply(id: MultiThreadedEventLoopGroup.currentEventLoop == nil ? 0 : 1, payload: request.payload)
      },
      .unary(meet) { (request: Bench.EchoRequest, _) in
        await gate.pass()
        return Bench.EchoReply(id: request.id + (Task.isCancelled ? 1 : 0))
      },
    ]
  }

  /// Both calls are on one connection, so on one loop.
  @Test func aHandlerThatNeverWaitsKeepsNobodyFromTheSockets() async throws {
    try await withServer(gate: Gate(1)) { channel in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try await channel.unary(Self.spin, request: Bench.EchoRequest(), responseType: Bench.EchoReply.self)
        }
        while !Self.isSpinning.withLock({ $0 }) { await Task.yield() }
        _ = try await channel.unary(Self.stop, request: Bench.EchoRequest(), responseType: Bench.EchoReply.self)
        try await group.waitForAll()
      }
    }
  }

  @Test func aCancelledHandlerDoesNotCancelTheNext() async throws {
    try await withServer(gate: Gate(1)) { channel in
      for _ in 0..<3 {
        await #expect(throws: RPCError.self) {
          _ = try await channel.unary(
            Self.wait, request: Bench.EchoRequest(), responseType: Bench.EchoReply.self,
            options: CallOptions(timeout: .milliseconds(20)))
        }
        for _ in 0..<20 {
          let reply = try await channel.unary(Self.look, request: Bench.EchoRequest(), responseType: Bench.EchoReply.self)
          #expect(reply.id == 0)
        }
      }
    }
  }

  @Test func handlersThatWaitDoNotHoldUpOthers() async throws {
    let callers = 200
    try await withServer(gate: Gate(callers)) { channel in
      // Twice, so that the second time finds tasks that ran handlers before.
      for _ in 0..<2 {
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for id in 0..<callers {
            group.addTask {
              let reply = try await channel.unary(
                Self.meet, request: Bench.EchoRequest(id: UInt64(id * 2)), responseType: Bench.EchoReply.self)
              return reply.id == id * 2
            }
          }
          for try await isRight in group { #expect(isRight) }
        }
      }
    }
  }

  @Test func handlersOfLargeMessagesRunOnTheLoopAsWell() async throws {
    try await withServer(gate: Gate(1)) { channel in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<32 {
          let payload = [UInt8](repeating: UInt8(index), count: index % 2 == 0 ? 300_000 : 10)
          for method in [Self.echo, Self.echoAtOnce] {
            group.addTask {
              let reply = try await channel.unary(
                method, request: Bench.EchoRequest(payload: payload), responseType: Bench.EchoReply.self)
              #expect(reply.id == 1)
              #expect(reply.payload.elementsEqual(payload))
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  private func withServer(gate: Gate, _ body: @Sendable (ClientChannel) async throws -> Void) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = Server(
      router: Router(handlers: Self.handlers(gate: gate)), listeners: [Listener(address: .tcp(host: "127.0.0.1", port: 0))],
      logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      defer { group.cancelAll() }
      let channel = ClientChannel(addresses: [try await server.boundAddresses[0]], logger: logger)
      do {
        try await body(channel)
      } catch {
        channel.closeNow()
        throw error
      }
      channel.closeNow()
      await channel.close()
    }
  }
}
