internal import HTTP2
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import Synchronization

/// What the connections of one server share.
final class ServerShared: Sendable {
  let rules: ServerRules
  let limits: ServerLimits
  let watchLimits: ConnectionWatch.Limits
  let metrics: ServerMetrics
  let logger: Logger
  let runsHandlersOnLoop: Bool
  /// Octets that all connections hold, as far as they told.
  private let heldBytes = Atomic(0)
  private let relief = Mutex(MemoryRelief())
  private let heap = Mutex(HeapReturn())
  private let group: any EventLoopGroup
  private let state = Mutex(State())

  private struct State {
    var loops: [ObjectIdentifier: ServerLoop] = [:]
    var connections: [ObjectIdentifier: Connection] = [:]
    var isShuttingDown = false
    var drained: CheckedContinuation<Void, Never>?
  }

  typealias Connection = LoopDriver<ServerHandler>

  init(router: Router, limits: ServerLimits, runsHandlersOnLoop: Bool, group: any EventLoopGroup, logger: Logger) {
    self.limits = limits
    self.group = group
    self.logger = logger
    self.runsHandlersOnLoop = runsHandlersOnLoop
    metrics = ServerMetrics(methods: router.methods, logger: logger)
    rules = ServerRules(router: router, configuration: limits.connection, observer: metrics)
    watchLimits = ConnectionWatch.Limits(
      establishing: TimeAmount(limits.establishingTimeout), idle: limits.idleTimeout.map { TimeAmount($0) },
      keepaliveInterval: limits.keepaliveInterval.map { TimeAmount($0) },
      keepaliveTimeout: TimeAmount(limits.keepaliveTimeout), keepaliveWithoutCalls: true)
  }

  /// What the connections of an event loop share.
  func resources(of loop: any EventLoop) -> ServerLoop {
    state.withLock { state in
      if let known = state.loops[ObjectIdentifier(loop)] { return known }
      let made = ServerLoop(loop)
      state.loops[ObjectIdentifier(loop)] = made
      return made
    }
  }

  /// A connection holds so many octets more, or less.
  ///
  /// - Returns: Whether all together hold no more than they may.
  func held(_ changeBytes: Int, by connection: Connection) -> Bool {
    connection.heldBytes.add(changeBytes, ordering: .relaxed)
    let total = heldBytes.add(changeBytes, ordering: .relaxed).newValue
    metrics.heldChanged(to: total)
    if heap.withLock({ $0.held(total) }) { planReturn() }
    if total <= limits.heldBytesMax { return true }
    if changeBytes > 0 { relieve() }
    return false
  }

  private func relieve() {
    let step = relief.withLock { $0.next(now: NIODeadline.now().uptimeNanoseconds) }
    if step == .wait { return }
    let connections = state.withLock { Array($0.connections.values) }
    if step == .trim {
      for connection in connections { connection.perform { $0.trim() } }
      return
    }
    let held = connections.map { $0.heldBytes.load(ordering: .relaxed) }
    for index in MemoryRelief.largest(of: held, limitBytes: limits.heldBytesMax) {
      connections[index].perform { $0.close(.memory) }
    }
  }

  /// Not on an event loop: malloc looks through all of its memory.
  private func planReturn() {
    group.any().scheduleTask(in: .nanoseconds(HeapReturn.delayNanoseconds)) {
      self.heap.withLock { $0.begin() }
      NIOThreadPool.singleton.submit { _ in LargeBlocks.returnUnused() }
    }
  }

  private func connectionsChanged(to count: Int) {
    metrics.connectionsChanged(to: count)
    if heap.withLock({ $0.connections(count) }) { planReturn() }
  }

  /// - Returns: false when there are too many already, or the server shuts down.
  func add(_ connection: Connection, closing: EventLoopFuture<Void>) -> Bool {
    let count: Int? = state.withLock { state in
      guard !state.isShuttingDown, state.connections.count < limits.connectionsMax else { return nil }
      state.connections[ObjectIdentifier(connection)] = connection
      return state.connections.count
    }
    guard let count else { return false }
    connectionsChanged(to: count)
    closing.whenComplete { _ in self.remove(connection) }
    return true
  }

  private func remove(_ connection: Connection) {
    let (count, drained) = state.withLock { state in
      state.connections[ObjectIdentifier(connection)] = nil
      let drained = state.connections.isEmpty ? state.drained : nil
      if drained != nil { state.drained = nil }
      return (state.connections.count, drained)
    }
    connectionsChanged(to: count)
    drained?.resume()
  }

  /// Tells every connection to end gracefully; none is added from now on.
  func beginShutdown() {
    for connection in closeDoor() { connection.perform { $0.beginShutdown() } }
  }

  /// Ends what the drain left over.
  func abort() {
    for connection in closeDoor() { connection.perform { $0.abort() } }
  }

  func waitUntilDrained() async {
    await withCheckedContinuation { continuation in
      let isDrained = state.withLock { state in
        if state.connections.isEmpty { return true }
        state.drained = continuation
        return false
      }
      if isDrained { continuation.resume() }
    }
  }

  /// The last connection is gone: lets the loops' tasks end.
  func endWorkers() {
    let loops = state.withLock { Array($0.loops.values) }
    for shared in loops { shared.executor.loop.execute { shared.workers.end() } }
  }

  private func closeDoor() -> [Connection] {
    state.withLock { state in
      state.isShuttingDown = true
      return Array(state.connections.values)
    }
  }
}
