import RPC
import Synchronization

/// Answers as the tests ask: what a call shall do stands in its messages and metadata, so that one service serves
/// foreign clients and ours.
final class ConformanceService: Service {
  static let unary = MethodDescriptor(service: "conformance.Test", method: "Unary", kind: .unary)
  static let clientStream = MethodDescriptor(service: "conformance.Test", method: "ClientStream", kind: .clientStreaming)
  static let serverStream = MethodDescriptor(service: "conformance.Test", method: "ServerStream", kind: .serverStreaming)
  static let pingPong = MethodDescriptor(service: "conformance.Test", method: "PingPong", kind: .bidirectional)

  /// Unary calls answered.
  let calls = Atomic<Int>(0)
  /// For tests to count what was refused.
  let refusals = Atomic<Int>(0)
  /// Handlers that ever ran.
  let startedHandlers = Atomic<Int>(0)
  /// Handlers that ended because their task was cancelled.
  let cancelledHandlers = Atomic<Int>(0)
  /// Handlers that run now.
  let runningHandlers = Atomic<Int>(0)
  /// Of the same server, for `health` orders.
  let health = HealthService()
  /// Messages that `ServerStream` handed over.
  let written = Atomic<Int>(0)

  var methods: [MethodHandler] {
    [
      .unary(ConformanceService.unary) { try await self.unary($0, $1) },
      .clientStreaming(ConformanceService.clientStream) { try await self.clientStream($0, $1) },
      .serverStreaming(ConformanceService.serverStream) { try await self.serverStream($0, $1, $2) },
      .bidirectional(ConformanceService.pingPong) { try await self.pingPong($0, $1, $2) },
    ]
  }

  /// Echoes. `name` may order otherwise: `status:CODE:MESSAGE`, `sleep`, `deadline`, `peer`,
  /// `certificate`, `size:OCTETS`, `crash`, `cancelled` (handlers), `health:SERVICE:STATUS`.
  func unary(_ request: Conformance.EchoRequest, _ context: ServerContext) async throws -> Conformance.EchoReply {
    calls.add(1, ordering: .relaxed)
    try applyMetadata(context)
    var reply = Conformance.EchoReply(id: request.id, name: request.name, payload: request.payload)
    let order = request.name.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    switch order.first {
    case "status":
      throw RPCError(
        StatusCode(rawValue: Int(order[1]) ?? 2) ?? .unknown, String(order[2]), details: request.payload,
        metadata: ["x-failed": "yes"])
    case "crash": throw Crash()
    case "sleep": try await sleepUntilCancelled()
    case "deadline":
      let left = context.deadline.map { ContinuousClock.now.duration(to: $0) } ?? .zero
      reply.id = UInt64(max(0, left / .milliseconds(1)))
    case "size": reply.payload = [UInt8](repeating: 0, count: Int(order[1]) ?? 0)
    case "cancelled": reply.id = UInt64(cancelledHandlers.load(ordering: .relaxed))
    case "health":
      health.set(HealthService.Status(rawValue: Int32(order[2]) ?? 0), for: String(order[1]))
    case "peer": reply.name = context.peer.address
    case "certificate": reply.name = context.peer.tlsIdentity?.dnsNames.first ?? "none"
    default: break
    }
    return reply
  }

  /// Replies with the number of messages in `id` and of octets in `name`.
  func clientStream(_ requests: RequestStream<Conformance.EchoRequest>, _ context: ServerContext) async throws -> Conformance.EchoReply {
    try applyMetadata(context)
    var count: UInt64 = 0
    var octets = 0
    for try await request in requests {
      count += 1
      octets += request.payload.count
      if request.name == "stop" { throw RPCError(.aborted, "stopped") }
    }
    return Conformance.EchoReply(id: count, name: "\(octets)")
  }

  /// `count` messages with the payload, or one of each of `sizes`; with neither it writes until the call ends.
  func serverStream(
    _ request: Conformance.StreamRequest, _ responses: ResponseWriter<Conformance.EchoReply>, _ context: ServerContext
  ) async throws {
    try applyMetadata(context)
    for (id, size) in request.sizes.enumerated() {
      try await responses.write(Conformance.EchoReply(id: UInt64(id), payload: [UInt8](repeating: 0, count: Int(size))))
    }
    if !request.sizes.isEmpty { return }
    try await counted {
      var id: UInt64 = 0
      while request.count == 0 || id < request.count {
        try await responses.write(Conformance.EchoReply(id: id, payload: request.payload))
        written.add(1, ordering: .relaxed)
        id += 1
      }
    }
  }

  /// For each request a payload of `id` octets. `name` may order `sleep`.
  func pingPong(
    _ requests: RequestStream<Conformance.EchoRequest>, _ responses: ResponseWriter<Conformance.EchoReply>, _ context: ServerContext
  ) async throws {
    try applyMetadata(context)
    try await counted {
      for try await request in requests {
        if request.name == "sleep" { try await Task.sleep(for: .seconds(3600)) }
        try await responses.write(
          Conformance.EchoReply(id: request.id, payload: [UInt8](repeating: 7, count: Int(request.id))))
      }
    }
  }

  /// `x-initial` goes back with the headers, `x-trailing-bin` with the status; `x-gzip` compresses the responses.
  private func applyMetadata(_ context: ServerContext) throws {
    let metadata = context.metadata
    if metadata["x-gzip"] != nil { context.setCompression(.gzip) }
    if let octets = metadata[binary: "x-trailing-bin"] {
      var trailing = Metadata()
      trailing.add(binary: octets, for: "x-trailing-bin")
      context.setTrailingMetadata(trailing)
    }
    if let text = metadata["x-initial"] { try context.sendInitialMetadata(["x-initial": .string(text)]) }
  }

  private func sleepUntilCancelled() async throws {
    try await counted { try await Task.sleep(for: .seconds(3600)) }
  }

  private func counted(_ body: () async throws -> Void) async throws {
    startedHandlers.add(1, ordering: .relaxed)
    runningHandlers.add(1, ordering: .relaxed)
    defer { runningHandlers.subtract(1, ordering: .relaxed) }
    do {
      try await body()
    } catch {
      if Task.isCancelled { cancelledHandlers.add(1, ordering: .relaxed) }
      throw error
    }
  }

  struct Crash: Error {}
}
