internal import CoreMetrics
internal import HTTP2
internal import Logging
internal import NIOCore
internal import RPC
internal import Synchronization

/// A server's counters and timers, made once so that counting a call looks nothing up, and with dimensions whose values
/// are known when it starts, so that no peer can make more of them.
///
/// `rpc_server_call_seconds{method}`, `rpc_server_errors{method,code}`, `rpc_server_refusals{reason}`,
/// `rpc_server_resets{code}`, `rpc_server_closings{reason}`, `rpc_server_connections`, `rpc_server_held_bytes`.
final class ServerMetrics: ServerObserver {
  /// Keeps what `lentDurations` are.
  private let durations: [CoreMetrics.Timer]
  /// By method. One is used for every call, so their references are not counted.
  private let lentDurations: [Unmanaged<CoreMetrics.Timer>]
  /// By method, then by code; OK is counted by the timer.
  private let errors: [[Counter]]
  private let refusals: [RefusalReason: Counter]
  private let resets: [ErrorCode: Counter]
  private let closings: [ClosingReason: Counter]
  private let connections: Meter
  private let heldBytes: Meter
  private let logger: Logger
  /// Warnings about peers; what comes more often is logged as `debug`. The counters miss nothing.
  private let warnings: Mutex<TokenBucket>

  init(methods: [MethodDescriptor], logger: Logger) {
    self.logger = logger
    durations = methods.map { method in
      CoreMetrics.Timer(label: "rpc_server_call_seconds", dimensions: [("method", String(method.path.dropFirst()))])
    }
    lentDurations = durations.map { .passUnretained($0) }
    errors = methods.map { method in
      StatusCode.allCases.map { code in
        Counter(
          label: "rpc_server_errors",
          dimensions: [("method", String(method.path.dropFirst())), ("code", code.name)])
      }
    }
    refusals = Dictionary(
      uniqueKeysWithValues: RefusalReason.allCases.map {
        ($0, Counter(label: "rpc_server_refusals", dimensions: [("reason", $0.rawValue)]))
      })
    resets = Dictionary(
      uniqueKeysWithValues: ErrorCode.known.map {
        ($0, Counter(label: "rpc_server_resets", dimensions: [("code", $0.description)]))
      })
    closings = Dictionary(
      uniqueKeysWithValues: ClosingReason.all.map {
        ($0, Counter(label: "rpc_server_closings", dimensions: [("reason", $0.name)]))
      })
    connections = Meter(label: "rpc_server_connections")
    heldBytes = Meter(label: "rpc_server_held_bytes")
    warnings = Mutex(TokenBucket(ServerMetrics.warningRate, now: NIODeadline.now().uptimeNanoseconds))
  }

  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64) {
    guard let method else { return }
    lentDurations[method]._withUnsafeGuaranteedRef { $0.recordNanoseconds(nanoseconds) }
    if code != .ok { errors[method][code.rawValue].increment() }
  }

  func handlerFailed(_ method: MethodDescriptor, _ error: any Error) {
    logger.error("a handler failed", metadata: ["method": "\(method.path)", "error": "\(error)"])
  }

  func callRefused(_ reason: RefusalReason) {
    refusals[reason]?.increment()
  }

  func streamReset(_ code: ErrorCode) {
    resets[code]?.increment()
  }

  func connectionClosing(_ reason: ClosingReason, peer: Peer) {
    closings[reason]?.increment()
    let level = warnings.withLock { $0.take(now: NIODeadline.now().uptimeNanoseconds) } ? Logger.Level.warning : .debug
    logger.log(
      level: level, "closing a connection because of its peer", metadata: ["peer": "\(peer.address)", "reason": "\(reason.name)"])
  }

  func connectionsChanged(to count: Int) {
    connections.set(count)
  }

  func heldChanged(to sizeBytes: Int) {
    heldBytes.set(sizeBytes)
  }

  /// A flood of bad peers must not become a flood of lines.
  private static let warningRate = RateLimit(burst: 20, perSecond: 1)
}
