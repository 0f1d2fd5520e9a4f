internal import Synchronization

/// `grpc.health.v1.Health`: what load balancers and operators' tools ask first.
public final class HealthService: GrpcHealthV1.Health {
  public typealias Status = GrpcHealthV1.HealthCheckResponse.ServingStatus

  private let state: Mutex<State>

  private struct State {
    var statuses: [String: Status]
    var watchers: [String: [UInt64: AsyncStream<Status>.Continuation]] = [:]
    var nextWatcher: UInt64 = 0
  }

  /// - Parameter services: Full names that serve from now on. The empty name, the server as a whole, always does.
  public init(services: [String] = []) {
    var statuses: [String: Status] = ["": .serving]
    for name in services { statuses[name] = .serving }
    state = Mutex(State(statuses: statuses))
  }

  /// Tells watchers too.
  public func set(_ status: Status, for service: String = "") {
    // Under the lock, so that every watcher sees changes in the order in which they were made.
    state.withLock { state in
      state.statuses[service] = status
      for watcher in (state.watchers[service] ?? [:]).values { watcher.yield(status) }
    }
  }

  /// Everything is about to stop: no load balancer should send more.
  public func setAllNotServing() {
    let services = state.withLock { Array($0.statuses.keys) }
    for service in services { set(.notServing, for: service) }
  }

  public func check(
    _ request: GrpcHealthV1.HealthCheckRequest, context: ServerContext
  ) async throws -> GrpcHealthV1.HealthCheckResponse {
    guard let status = state.withLock({ $0.statuses[request.service] }) else {
      throw RPCError(.notFound, "unknown service \(request.service)")
    }
    return GrpcHealthV1.HealthCheckResponse(status: status)
  }

  public func watch(
    _ request: GrpcHealthV1.HealthCheckRequest, responses: ResponseWriter<GrpcHealthV1.HealthCheckResponse>,
    context: ServerContext
  ) async throws {
    // Only the newest status matters to a watcher that reads slowly.
    let (changes, continuation) = AsyncStream<Status>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.nextWatcher += 1
      state.watchers[request.service, default: [:]][state.nextWatcher] = continuation
      continuation.yield(state.statuses[request.service] ?? .serviceUnknown)
      return state.nextWatcher
    }
    defer {
      state.withLock { state in
        state.watchers[request.service]?[id] = nil
        if state.watchers[request.service]?.isEmpty == true { state.watchers[request.service] = nil }
      }
    }
    var last: Status?
    for await status in changes where status != last {
      try await responses.write(GrpcHealthV1.HealthCheckResponse(status: status))
      last = status
    }
  }
}
