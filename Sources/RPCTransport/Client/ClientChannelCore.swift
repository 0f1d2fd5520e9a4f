internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import RPC

/// A channel's connections and waiting calls. Lives on one event loop.
final class ClientChannelCore {
  enum Closing { case finish, cancel }

  let options: ClientOptions
  let loop: any EventLoop
  let logger: Logger
  let executor: LoopExecutor
  private let addresses: [EndpointAddress]
  private let tls: ClientTLS?
  private var tlsContext: NIOSSLContext?
  private var balancer: Balancer
  /// By address; the connection that takes new calls there.
  private var connections: [ClientHandler?]
  /// Every connection with an open socket, draining ones included.
  private var open: [ObjectIdentifier: ClientHandler] = [:]
  private var waits: [Duration?]
  /// Calls without a connection, in the order they came.
  private var waiting: [ClientCall] = []
  private var waitingDeadline: Scheduled<Void>?
  private var isClosed = false
  private var closedActions: [() -> Void] = []
  private(set) var keepaliveInterval: TimeAmount?

  init(addresses: [EndpointAddress], tls: ClientTLS?, options: ClientOptions, loop: any EventLoop, logger: Logger) {
    self.addresses = addresses
    self.tls = tls
    self.options = options
    self.loop = loop
    self.logger = logger
    executor = LoopExecutor(loop)
    balancer = Balancer(policy: options.policy, count: addresses.count)
    connections = Array(repeating: nil, count: addresses.count)
    waits = Array(repeating: nil, count: addresses.count)
    keepaliveInterval = options.keepaliveInterval.map { TimeAmount($0) }
  }

  // MARK: Calls

  func submit(_ call: ClientCall) {
    guard call.isOpen else { return }
    guard !isClosed else { return call.fail(RPCError(.unavailable, "the channel is closed")) }
    switch balancer.pick(waitsForReady: call.options.waitForReady) {
    case .use(let index):
      if let handler = connections[index], handler.start(call) {
        connectAll(balancer.alsoConnect())
      } else {
        // It began to drain and has not said so yet.
        draining(index)
        submit(call)
      }
    case .wait(let connect):
      enqueue(call)
      connectAll(connect)
    case .unavailable(let reason): call.fail(RPCError(.unavailable, reason))
    }
  }

  private func enqueue(_ call: ClientCall) {
    guard waiting.count < options.waitingCallsMax else {
      return call.fail(RPCError(.resourceExhausted, "\(waiting.count) calls wait for a connection already"))
    }
    waiting.append(call)
    scheduleWaitingDeadline()
  }

  private func submitWaiting() {
    let calls = waiting
    waiting = []
    for call in calls { submit(call) }
  }

  /// One timer for all that wait: the earliest deadline.
  private func scheduleWaitingDeadline() {
    waitingDeadline?.cancel()
    waitingDeadline = nil
    guard let due = waiting.compactMap(\.deadline).min() else { return }
    let delay = max(TimeAmount(ContinuousClock.now.duration(to: due)), .nanoseconds(0))
    waitingDeadline = loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: delay) { [weak self] in
      guard let self else { return }
      let now = ContinuousClock.now
      for call in waiting { if let deadline = call.deadline, deadline <= now { call.expire() } }
      waiting.removeAll { !$0.isOpen }
      scheduleWaitingDeadline()
    }
  }

  // MARK: Connections

  private func connectAll(_ indexes: [Int]) {
    for index in indexes { connect(index) }
  }

  private func connect(_ index: Int) {
    let address = addresses[index]
    logger.debug("connecting", metadata: ["address": "\(address)"])
    do {
      let context = try sslContext()
      let bootstrap = ClientBootstrap(group: loop)
        .connectTimeout(TimeAmount(options.connectTimeout))
        .channelOption(.writeBufferWaterMark, value: ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10))
        .channelInitializer { [self = NIOLoopBound(self, eventLoop: loop)] channel in
          channel.eventLoop.makeCompletedFuture { try self.value.initialize(channel, index: index, tls: context) }
        }
      let future =
        switch address {
        case .tcp(let host, let port): bootstrap.connect(host: host.isEmpty ? "localhost" : host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
      future.assumeIsolatedUnsafeUnchecked().whenFailure { [self] error in
        failed(index, reason: describeConnectionError(error))
      }
    } catch {
      // Not within this call: the one who connects is not ready for it.
      loop.assumeIsolatedUnsafeUnchecked().execute { [self] in failed(index, reason: "TLS cannot be set up: \(error)") }
    }
  }

  private func initialize(_ channel: any NIOCore.Channel, index: Int, tls context: NIOSSLContext?) throws {
    let address = addresses[index]
    var configuration = ClientConnection.Configuration(authority: options.authority ?? authority(of: address))
    if let context {
      configuration.scheme = "https"
      let name = tls?.serverName ?? address.hostName
      try channel.pipeline.syncOperations.addHandler(
        NIOSSLClientHandler(context: context, serverHostname: name.flatMap { isIPAddress($0) ? nil : $0 }))
    }
    let handler = ClientHandler(core: self, index: index, address: address, configuration: configuration, usesTLS: context != nil)
    try channel.pipeline.syncOperations.addHandler(handler)
    open[ObjectIdentifier(handler)] = handler
  }

  /// A connection speaks HTTP/2 and takes calls.
  func ready(_ handler: ClientHandler) {
    guard !isClosed else { return handler.shutdown() }
    connections[handler.index] = handler
    waits[handler.index] = nil
    balancer.connected(handler.index)
    logger.debug("connected", metadata: ["address": "\(handler.address)"])
    submitWaiting()
  }

  /// A connection could not be made, or ended before it was ready.
  func failed(_ index: Int, reason: String) {
    guard !isClosed, balancer.subchannels[index] == .connecting else { return }
    let reason = "\(reason) (\(addresses[index]))"
    let wait = options.backoff.next(after: waits[index], jitter: .random(in: 0..<1))
    waits[index] = wait
    balancer.failed(index, reason: reason)
    logger.debug("cannot connect", metadata: ["reason": "\(reason)", "retry": "\(wait)"])
    loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(wait)) { [weak self] in
      guard let self, !isClosed else { return }
      balancer.backoffEnded(index)
      if !waiting.isEmpty { submitWaiting() }
    }
    // Those that do not wait for ready end if this was the last hope; the others stay.
    submitWaiting()
  }

  /// The connection to an address takes no more calls.
  func draining(_ index: Int) {
    guard connections[index] != nil else { return }
    connections[index] = nil
    balancer.lost(index)
  }

  /// A server thought our pings too many (GOAWAY "too_many_pings").
  func slowKeepalive() {
    keepaliveInterval = keepaliveInterval.map { .nanoseconds($0.nanoseconds * 2) }
  }

  func closed(_ handler: ClientHandler, wasReady: Bool, reason: String) {
    open[ObjectIdentifier(handler)] = nil
    if connections[handler.index] === handler { draining(handler.index) }
    if !wasReady { failed(handler.index, reason: reason) }
    finishClosing()
  }

  // MARK: The end

  func whenClosed(_ action: @escaping () -> Void) {
    closedActions.append(action)
  }

  func close(calls: Closing) {
    isClosed = true
    for call in waiting { call.fail(RPCError(.unavailable, "the channel is closed")) }
    waiting = []
    waitingDeadline?.cancel()
    for handler in open.values {
      if calls == .cancel { handler.cancelCalls() }
      handler.shutdown()
    }
    finishClosing()
  }

  private func finishClosing() {
    guard isClosed, open.isEmpty else { return }
    let actions = closedActions
    closedActions = []
    for action in actions { action() }
  }

  private func sslContext() throws -> NIOSSLContext? {
    guard let tls else { return nil }
    if let tlsContext { return tlsContext }
    tlsContext = try tls.context()
    return tlsContext
  }

  private func authority(of address: EndpointAddress) -> String {
    if let name = tls?.serverName { return name }
    // What other implementations send for a unix socket.
    return if case .unix = address { "localhost" } else { address.description }
  }

  private func isIPAddress(_ host: String) -> Bool {
    do {
      _ = try SocketAddress(ipAddress: host, port: 0)
      return true
    } catch {
      return false
    }
  }
}

extension EndpointAddress {
  /// The host to be proved by a certificate.
  var hostName: String? {
    if case .tcp(let host, _) = self, !host.isEmpty { host } else { nil }
  }
}
