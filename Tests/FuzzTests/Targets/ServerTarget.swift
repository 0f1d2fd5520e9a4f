import HTTP2
import RPC
import Synchronization

/// A server's connection with handlers of every kind, fed what a client sent.
///
/// The first octet of an input says how the rest arrives: its low six bits are the octets of a read (0: all at once), bit 6
/// lets a second pass between reads, bit 7 begins a graceful shutdown half-way. The preface and SETTINGS are given.
enum ServerTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    guard let mode = input.first else { return }
    let peer = ServerUnderTest()
    peer.feed(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
    let reads = input.skipping(1).chunks(of: Int(mode & 0x3f))
    for (index, octets) in reads.enumerated() {
      if mode & 0x80 != 0, index == reads.count / 2 { peer.beginShutdown() }
      if mode & 0x40 != 0 { peer.passTime() }
      peer.feed(octets)
      if peer.hasEnded { break }
    }
    peer.end()
  }
}

private final class ServerUnderTest {
  private let executor = TurnExecutor()
  private let loop: FuzzLoop
  private let calls = RunningCalls()
  private var connection: ServerConnection?
  private var now = ContinuousClock.now
  private var frames = FrameCheck(isClient: false)
  private(set) var hasEnded = false

  init() {
    loop = FuzzLoop(executor: executor)
    var configuration = ServerConfiguration()
    // Small, so that a short input meets every limit.
    configuration.messageBytesMax = 4096
    configuration.heldBytesMax = 16 << 10
    configuration.limits.concurrentStreamsMax = 8
    configuration.limits.headerListBytesMax = 1024
    configuration.limits.headerFieldsMax = 64
    configuration.limits.continuationsMax = 3
    for rate in [
      \SessionLimits.resetsReceived, \.resetsMade, \.settings, \.pings, \.priorities, \.windowUpdates, \.emptyData, \.tinyData,
      \.unknownFrames, \.strayHeaders,
    ] { configuration.limits[keyPath: rate] = RateLimit(burst: 20, perSecond: 1) }
    let connection = ServerConnection(
      router: Router(handlers: FuzzService(calls: calls).methods), configuration: configuration, peer: .inMemory,
      observer: SilentObserver(), host: loop, now: now)
    loop.attend = { [unowned connection] in connection.needsAttention($0) }
    self.connection = connection
    settle()
  }

  func feed(_ octets: [UInt8]) {
    octets.withUnsafeBytes { feed($0) }
  }

  func feed(_ octets: UnsafeRawBufferPointer) {
    guard let connection, !hasEnded else { return }
    do throws(HTTP2Error) {
      try connection.receive(octets, now: now)
    } catch {
      connection.terminate(error)
      hasEnded = true
    }
    settle()
  }

  func passTime() {
    now = now.advanced(by: .seconds(1))
    connection?.expireCalls(now: now)
    settle()
  }

  func beginShutdown() {
    connection?.beginShutdown()
    settle()
  }

  /// Until nobody has anything to do.
  private func settle() {
    guard let connection else { return }
    repeat {
      _ = executor.drain()
      loop.wasTold = false
      connection.flush(now: now)
      do throws(HTTP2Error) {
        while let octets = try connection.nextOutput() { frames.take(octets) }
      } catch {
        connection.terminate(error)
        hasEnded = true
        break
      }
    } while executor.drain() || loop.wasTold
  }

  /// The connection is lost: whatever runs must end by that.
  func end() {
    connection?.finishShutdown()
    settle()
    if !hasEnded { frames.end() }
    connection?.disconnected()
    connection = nil
    _ = executor.drain()
    precondition(calls.running == 0, "\(calls.running) handlers outlive their connection")
  }
}

/// Handlers that run at this moment.
final class RunningCalls: Sendable {
  private let count = Atomic<Int>(0)
  var running: Int { count.load(ordering: .relaxed) }

  func counted<Result>(_ body: () async throws -> Result) async throws -> Result {
    count.add(1, ordering: .relaxed)
    defer { count.subtract(1, ordering: .relaxed) }
    return try await body()
  }
}

/// The calls of proto/bench, and one of each other kind.
private struct FuzzService: Service {
  let calls: RunningCalls

  var methods: [MethodHandler] {
    [
      .unary(method("U", .unary)) { (request: Bench.EchoRequest, context) in
        try await calls.counted {
          context.setTrailingMetadata(context.metadata)
          if request.name == "e" { throw RPCError(.aborted, request.name, details: request.payload) }
          return Bench.EchoReply(id: request.id, name: request.name, payload: request.payload)
        }
      },
      .immediate(method("I", .unary)) { (request: Bench.EchoRequest, context) in
        context.setCompression(.gzip)
        return Bench.EchoReply(id: request.id, name: request.name, payload: request.payload)
      },
      .serverStreaming(method("S", .serverStreaming)) { (request: Bench.StreamRequest, responses, _) in
        try await calls.counted {
          for id in 0..<min(request.count, 200) {
            try await responses.write(Bench.EchoReply(id: UInt64(id), payload: request.payload))
          }
        }
      },
      .clientStreaming(method("C", .clientStreaming)) { (requests: RequestStream<Bench.EchoRequest>, _) in
        try await calls.counted {
          var count: UInt64 = 0
          for try await _ in requests { count += 1 }
          return Bench.EchoReply(id: count)
        }
      },
      .bidirectional(method("B", .bidirectional)) { (requests: RequestStream<Bench.EchoRequest>, responses, context) in
        try await calls.counted {
          try context.sendInitialMetadata(["x": "y"])
          for try await request in requests { try await responses.write(Bench.EchoReply(id: request.id, payload: request.payload)) }
        }
      },
    ]
  }

  private func method(_ name: String, _ kind: MethodDescriptor.Kind) -> MethodDescriptor {
    MethodDescriptor(service: "f", method: name, kind: kind)
  }
}

private final class SilentObserver: ServerObserver {
  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {}
  func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {}
  func callRefused(_ reason: RefusalReason) {}
  func streamReset(_ code: ErrorCode) {}
  func connectionClosing(_ reason: ClosingReason, peer: Peer) {}
}

/// The host of a connection whose handlers run in turns.
private final class FuzzLoop: ServerConnectionHost {
  let executor: TurnExecutor
  let driver: any CallDriver
  var attend: (any CallEndpoint) -> Void = { _ in }
  var wasTold = false

  init(executor: TurnExecutor) {
    self.executor = executor
    let driver = Driver()
    self.driver = driver
    driver.loop = self
  }

  func start(_ work: ServerWork) {
    let isDone = Done()
    let task = Task.immediate(executorPreference: executor) {
      await work.run()
      isDone.value.store(true, ordering: .relaxed)
    }
    if !isDone.value.load(ordering: .relaxed) { work.suspended(in: task) }
  }

  func held(_ changeBytes: Int) -> Bool { true }
  func established() {}
  func pingAcknowledged(_ payload: UInt64) {}

  /// Everything happens on one thread.
  private final class Driver: CallDriver {
    nonisolated(unsafe) weak var loop: FuzzLoop?

    func callNeedsAttention(_ call: any CallEndpoint) {
      loop?.wasTold = true
      loop?.attend(call)
    }
  }
}

/// Whether a handler ended before it had to wait.
private final class Done: Sendable {
  let value = Atomic<Bool>(false)
}
