import HTTP2
import RPC

/// A client's connection with calls of every kind on streams 1, 3, 5, 7 and 9, fed what a server sent.
///
/// The first octet of an input says how the rest arrives: its low six bits are the octets of a read (0: all at once). The
/// server's SETTINGS are given.
enum ClientTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    guard let mode = input.first else { return }
    let client = ClientUnderTest()
    client.start()
    for octets in input.skipping(1).chunks(of: Int(mode & 0x3f)) {
      client.feed(octets)
      if client.hasEnded { break }
    }
    client.end()
  }
}

private final class ClientUnderTest {
  private let executor = TurnExecutor()
  private let host: FuzzClientHost
  private let connection: ClientConnection
  private let calls = RunningCalls()
  private let now = ContinuousClock.now
  private var frames = FrameCheck(isClient: true)
  private(set) var hasEnded = false

  init() {
    host = FuzzClientHost()
    var configuration = ClientConnection.Configuration(authority: "x")
    configuration.limits.headerListBytesMax = 1024
    configuration.limits.headerFieldsMax = 64
    configuration.limits.continuationsMax = 3
    for rate in [
      \SessionLimits.resetsReceived, \.resetsMade, \.settings, \.pings, \.priorities, \.windowUpdates, \.emptyData, \.tinyData,
      \.unknownFrames, \.strayHeaders,
    ] { configuration.limits[keyPath: rate] = RateLimit(burst: 20, perSecond: 1) }
    connection = ClientConnection(configuration: configuration, host: host, now: now)
    host.attend = { [unowned connection] in connection.needsAttention($0) }
  }

  func start() {
    settle()
    feed([0, 0, 0, 4, 0, 0, 0, 0, 0])
    let channel = FuzzChannel { [unowned self] call in submit(call) }
    let options = CallOptions(maxResponseBytes: 4096)
    spawn { try await channel.unary(Bench.EchoMethods.unary, request: Bench.EchoRequest(id: 1), responseType: Bench.EchoReply.self, options: options) }
    spawn {
      try await channel.serverStreaming(
        Bench.EchoMethods.serverStream, request: Bench.StreamRequest(count: 1), responseType: Bench.EchoReply.self,
        options: CallOptions(compression: .gzip, maxResponseBytes: 4096)
      ) { for try await _ in $0 {} }
    }
    spawn {
      try await channel.clientStreaming(
        Bench.EchoMethods.unary, responseType: Bench.EchoReply.self, options: options
      ) { (requests: RequestWriter<Bench.EchoRequest>) in
        for _ in 0..<100 { try await requests.write(Bench.EchoRequest(payload: [UInt8](repeating: 0, count: 2000))) }
      }
    }
    for leavesEarly in [false, true] {
      spawn {
        try await channel.bidirectional(
          Bench.EchoMethods.unary, responseType: Bench.EchoReply.self, options: options,
          requests: { (requests: RequestWriter<Bench.EchoRequest>) in try await requests.write(Bench.EchoRequest(id: 1)) },
          onResponses: { responses in
            for try await _ in responses where leavesEarly { return }
          })
      }
    }
    settle()
  }

  private func spawn(_ body: @escaping @Sendable () async throws -> some Sendable) {
    Task.immediate(executorPreference: executor) { [calls] in
      do {
        _ = try await calls.counted(body)
      } catch {
        precondition(error is RPCError, "a call ended with \(error)")
      }
    }
  }

  private func submit(_ call: ClientCall) {
    if !connection.start(call, now: now) { call.fail(RPCError(.unavailable, "the connection takes no calls")) }
  }

  func feed(_ octets: [UInt8]) {
    octets.withUnsafeBytes { feed($0) }
  }

  func feed(_ octets: UnsafeRawBufferPointer) {
    guard !hasEnded else { return }
    do throws(HTTP2Error) {
      try connection.receive(octets, now: now)
    } catch {
      hasEnded = true
    }
    settle()
  }

  private func settle() {
    repeat {
      _ = executor.drain()
      host.wasTold = false
      let refused = host.refusedCalls
      host.refusedCalls = []
      for call in refused { submit(call) }
      connection.flush()
      do throws(HTTP2Error) {
        while let octets = try connection.nextOutput() { frames.take(octets) }
      } catch {
        hasEnded = true
        break
      }
    } while executor.drain() || host.wasTold || !host.refusedCalls.isEmpty
  }

  func end() {
    if !hasEnded { frames.end() }
    connection.disconnected(RPCError(.unavailable, "lost"))
    for call in host.refusedCalls { call.fail(RPCError(.unavailable, "lost")) }
    while executor.drain() {}
    precondition(calls.running == 0, "\(calls.running) calls outlive their connection")
  }
}

/// Carries calls to the one connection there is. Everything happens on one thread.
private final class FuzzChannel: RPC.Channel {
  nonisolated(unsafe) private let submit: (ClientCall) -> Void

  init(submit: @escaping (ClientCall) -> Void) {
    self.submit = submit
  }

  func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    submit(call)
    defer { call.cancel(RPCError(.cancelled, "the caller left the call")) }
    return try await body()
  }
}

private final class FuzzClientHost: ClientConnectionHost {
  let driver: any CallDriver
  var attend: (any CallEndpoint) -> Void = { _ in }
  var wasTold = false
  var refusedCalls: [ClientCall] = []

  init() {
    let driver = Driver()
    self.driver = driver
    driver.host = self
  }

  func becameReady() {}
  func beganDraining() {}
  func refused(_ call: ClientCall) { refusedCalls.append(call) }
  func pingAcknowledged(_ payload: UInt64) {}

  private final class Driver: CallDriver {
    nonisolated(unsafe) weak var host: FuzzClientHost?

    func callNeedsAttention(_ call: any CallEndpoint) {
      host?.wasTold = true
      host?.attend(call)
    }
  }
}
