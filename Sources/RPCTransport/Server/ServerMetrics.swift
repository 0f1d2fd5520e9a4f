internal import CoreMetrics
internal import Logging
internal import RPC

/// A server's counters and timers, made once so that counting a call looks nothing up.
///
/// `rpc_server_call_seconds{method}`, `rpc_server_errors{method,code}`, `rpc_server_connections`,
/// `rpc_server_violations{limit}`.
struct ServerMetrics: ServerObserver {
  private let durations: [CoreMetrics.Timer]
  /// By method, then by code; OK is counted by the timer.
  private let errors: [[Counter]]
  private let unknownMethods: Counter
  private let connections: Meter
  private let logger: Logger

  init(methods: [MethodDescriptor], logger: Logger) {
    self.logger = logger
    durations = methods.map { method in
      CoreMetrics.Timer(label: "rpc_server_call_seconds", dimensions: [("method", String(method.path.dropFirst()))])
    }
    errors = methods.map { method in
      StatusCode.allCases.map { code in
        Counter(
          label: "rpc_server_errors",
          dimensions: [("method", String(method.path.dropFirst())), ("code", code.name)])
      }
    }
    unknownMethods = Counter(label: "rpc_server_unknown_methods")
    connections = Meter(label: "rpc_server_connections")
  }

  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {
    guard let method else { return unknownMethods.increment() }
    durations[method].recordNanoseconds(nanoseconds)
    if code != .ok { errors[method][code.rawValue].increment() }
  }

  func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {
    logger.error("a handler failed", metadata: ["method": "\(method.path)", "error": "\(error)"])
  }

  func violation(_ name: String, peer: Peer) {
    Counter(label: "rpc_server_violations", dimensions: [("limit", name)]).increment()
    logger.warning("closing a connection that broke a limit", metadata: ["peer": "\(peer.address)", "limit": "\(name)"])
  }

  func connectionsChanged(to count: Int) {
    connections.set(count)
  }
}
