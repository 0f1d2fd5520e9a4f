/// What a server serves: methods by path, and the interceptors that run before each of them.
public struct Router: Sendable {
  public let interceptors: [any ServerInterceptor]
  /// The full names of the services, sorted.
  public let serviceNames: [String]
  /// Every method, in the order of `Route.index`.
  public let methods: [MethodDescriptor]
  /// Keeps what `table` leads to.
  private let routes: [Route]
  private let table: PathTable<LentRoute>

  /// Two services with the same method are a mistake of the program.
  public init(services: [any Service], interceptors: [any ServerInterceptor] = []) {
    self.init(handlers: services.flatMap(\.methods), interceptors: interceptors)
  }

  public init(handlers: [MethodHandler], interceptors: [any ServerInterceptor] = []) {
    self.interceptors = interceptors
    self.serviceNames = Set(handlers.map(\.method.service)).sorted()
    self.methods = handlers.map(\.method)
    self.routes = handlers.enumerated().map { Route(handler: $1, index: $0) }
    self.table = PathTable(routes.map { ($0.handler.method.path, .passUnretained($0)) })
  }

  /// The way to a `:path`, without making a `String` of it. The router keeps it.
  func route(path: UnsafeRawBufferPointer) -> LentRoute? {
    table[path]
  }

  /// What a client is told whose path leads nowhere.
  func unimplemented(path: String) -> RPCStatus {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].isEmpty else {
      return RPCStatus(code: .unimplemented, message: "'\(path)' is not a path of a gRPC method")
    }
    return serviceNames.contains(String(parts[1]))
      ? RPCStatus(code: .unimplemented, message: "unknown method \(parts[2]) of service \(parts[1])")
      : RPCStatus(code: .unimplemented, message: "unknown service \(parts[1])")
  }
}

/// A route whose references nobody counts: for who holds the router anyway.
typealias LentRoute = Unmanaged<Route>

/// A handler and its number in the router.
final class Route: Sendable {
  let handler: MethodHandler
  /// Small and dense, so that counters per method need no lookup by name.
  let index: Int

  init(handler: MethodHandler, index: Int) {
    self.handler = handler
    self.index = index
  }
}
