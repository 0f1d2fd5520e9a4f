/// What a server serves: methods by path, and the interceptors that run before each of them.
public struct Router: Sendable {
  public let interceptors: [any ServerInterceptor]
  /// The full names of the services, sorted.
  public let serviceNames: [String]
  private let table: PathTable<MethodHandler>

  /// Two services with the same method are a mistake of the program.
  public init(services: [any Service], interceptors: [any ServerInterceptor] = []) {
    self.init(handlers: services.flatMap(\.methods), interceptors: interceptors)
  }

  public init(handlers: [MethodHandler], interceptors: [any ServerInterceptor] = []) {
    self.interceptors = interceptors
    self.serviceNames = Set(handlers.map(\.method.service)).sorted()
    self.table = PathTable(handlers.map { ($0.method.path, $0) })
  }

  /// The handler for a `:path`, without making a `String` of it.
  func handler(forPath path: UnsafeRawBufferPointer) -> MethodHandler? {
    table[path]
  }
}
