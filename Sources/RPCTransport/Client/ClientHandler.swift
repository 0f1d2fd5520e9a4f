internal import HTTP2
internal import Logging
internal import NIOCore
internal import NIOTLS
internal import RPC

/// One connection of a client channel: moves octets between the socket and `ClientConnection`, and keeps time.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let index: Int
  let address: EndpointAddress
  private let core: ClientChannelCore
  private let configuration: ClientConnection.Configuration
  private let usesTLS: Bool
  private let link: LoopDriver<ClientHandler>
  private var connection: ClientConnection?
  private var context: ChannelHandlerContext?
  private var watch: ConnectionWatch
  private var watchTimer: Scheduled<Void>?
  private var deadlineTimer: Scheduled<Void>?
  private var deadlineDue: ContinuousClock.Instant?
  private var isReady = false
  private var hasEnded = false
  private var isReading = false
  private var isFlushScheduled = false
  private var isShuttingDown = false
  /// Why the connection ends, if anybody knows better than "closed".
  private var reason: String?

  init(
    core: ClientChannelCore, index: Int, address: EndpointAddress, configuration: ClientConnection.Configuration,
    usesTLS: Bool
  ) {
    self.core = core
    self.index = index
    self.address = address
    self.configuration = configuration
    self.usesTLS = usesTLS
    self.link = LoopDriver(loop: core.loop)
    let options = core.options
    self.watch = ConnectionWatch(
      limits: ConnectionWatch.Limits(
        establishing: TimeAmount(options.connectTimeout), idle: options.idleTimeout.map { TimeAmount($0) },
        keepaliveInterval: core.keepaliveInterval, keepaliveTimeout: TimeAmount(options.keepaliveTimeout),
        keepaliveWithoutCalls: options.keepaliveWithoutCalls),
      now: .now())
  }

  // MARK: Calls

  /// - Returns: false when this connection takes no new calls.
  func start(_ call: ClientCall) -> Bool {
    guard let connection, connection.start(call, now: .now) else { return false }
    watch.hasCalls = true
    scheduleFlush()
    return true
  }

  func cancelCalls() {
    connection?.disconnected(RPCError(.cancelled, "the channel was closed"))
  }

  /// No new calls; the connection closes when the last one ended.
  func shutdown() {
    isShuttingDown = true
    guard let connection, let context else {
      context?.close(promise: nil)
      return
    }
    if connection.callCount == 0 {
      connection.shutdown()
      output()
      context.close(promise: nil)
    }
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    link.serve(self)
    if context.channel.isActive { channelActive(context: context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    checkWatch()
    if !usesTLS { begin(context) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let negotiated) = event as? TLSUserEvent {
      if negotiated == nil || negotiated == "h2" {
        begin(context)
      } else {
        close("the server chose \(negotiated ?? "no protocol") instead of h2")
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard connection == nil else { return }
    connection = ClientConnection(configuration: configuration, host: self, now: .now)
    output()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    close(describeConnectionError(error))
  }

  private func close(_ reason: String) {
    if self.reason == nil { self.reason = reason }
    context?.close(promise: nil)
  }

  private func end() {
    if hasEnded { return }
    hasEnded = true
    watchTimer?.cancel()
    deadlineTimer?.cancel()
    link.serve(nil)
    let reason = reason ?? connection?.goAwayReason.map { "the server said \($0)" } ?? "the server closed the connection"
    connection?.disconnected(RPCError(.unavailable, "\(reason) (\(address))"))
    connection = nil
    context = nil
    core.closed(self, wasReady: isReady, reason: reason)
  }

  // MARK: Octets

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let connection else { return }
    isReading = true
    let buffer = unwrapInboundIn(data)
    do throws(HTTP2Error) {
      try buffer.withUnsafeReadableBytes { octets throws(HTTP2Error) in try connection.receive(octets, now: .now) }
    } catch {
      fail(error)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    watch.received(now: .now())
    executorDrain()
    isReading = false
    output()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { output() }
    context.fireChannelWritabilityChanged()
  }

  private func output() {
    guard let connection, let context else { return }
    connection.flush()
    do throws(HTTP2Error) {
      try FrameOutput.write(to: context) { () throws(HTTP2Error) in try connection.nextOutput() }
    } catch {
      fail(error)
      return
    }
    watch.hasCalls = connection.callCount > 0
    scheduleDeadline()
    if watchTimer == nil { checkWatch() }
    if connection.isFinished, connection.goAwayReason == nil {
      // nghttp2 said GOAWAY by itself.
      close(isReady ? "the server broke HTTP/2" : "the server does not speak HTTP/2")
    } else if connection.callCount == 0, connection.isDraining || isShuttingDown {
      close("the connection was drained")
    }
  }

  private func fail(_ error: HTTP2Error) {
    switch error {
    case .violation(let violation): close("the server broke the limit \(violation.rawValue)")
    case .badPreface: close("the server does not speak HTTP/2")
    case .library(_, let message): close("the server broke HTTP/2: \(message)")
    }
  }

  private func executorDrain() {
    core.executor.drain()
  }

  private func scheduleFlush() {
    guard let context, !isReading, !isFlushScheduled else { return }
    isFlushScheduled = true
    context.eventLoop.assumeIsolatedUnsafeUnchecked().execute { [self] in
      isFlushScheduled = false
      output()
    }
  }

  // MARK: Time

  private func scheduleDeadline() {
    guard let connection, let context, let due = connection.nextDeadline else { return }
    if let deadlineDue, deadlineDue <= due { return }
    deadlineTimer?.cancel()
    deadlineDue = due
    let delay = max(TimeAmount(ContinuousClock.now.duration(to: due)), .nanoseconds(0))
    deadlineTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: delay) { [weak self] in
      guard let self else { return }
      deadlineDue = nil
      self.connection?.expireCalls(now: .now)
      output()
    }
  }

  private func checkWatch() {
    guard let context else { return }
    watchTimer?.cancel()
    watchTimer = nil
    switch watch.check(now: .now()) {
    case .wait(until: nil): break
    case .wait(let due?):
      watchTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(deadline: due) { [weak self] in
        self?.checkWatch()
      }
    case .ping:
      connection?.ping(ClientHandler.keepalivePing)
      checkWatch()
      output()
    case .close(.idle):
      core.draining(index)
      shutdown()
    case .close(.dead): close("the server did not answer a keepalive ping")
    case .close(.establishing): close("the server did not begin HTTP/2 in time")
    }
  }

  /// "muster", and the number of keepalive among our pings.
  private static let keepalivePing: UInt64 = 0x6d75_7374_6572_0002
}

extension ClientHandler: AttentionHandler {
  func callNeedsAttention(_ call: any CallEndpoint) {
    connection?.needsAttention(call)
    scheduleFlush()
  }
}

extension ClientHandler: ClientConnectionHost {
  var driver: any CallDriver { link }

  func becameReady() {
    guard !isReady else { return }
    isReady = true
    watch.established()
    checkWatch()
    core.ready(self)
  }

  func beganDraining() {
    if connection?.goAwayReason?.contains("too_many_pings") == true { core.slowKeepalive() }
    core.draining(index)
  }

  func refused(_ call: ClientCall) {
    // Not within the session's callback: the call may come back to this connection.
    context?.eventLoop.assumeIsolatedUnsafeUnchecked().execute { [core] in core.submit(call) }
  }

  func pingAcknowledged(_ payload: UInt64) {}
}
