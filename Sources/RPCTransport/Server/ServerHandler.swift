internal import HTTP2
internal import Logging
internal import NIOCore
internal import NIOTLS
internal import RPC

/// One connection of a server: moves octets between the socket and `ServerConnection`, starts handlers on the
/// loop, and keeps time.
final class ServerHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = Never
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  private let server: ServerShared
  private let shared: ServerLoop
  private let usesTLS: Bool
  /// Until the client speaks HTTP/2.
  private(set) var doorkeeper: Doorkeeper?
  let link: LoopDriver<ServerHandler>
  private var connection: ServerConnection?
  private var context: ChannelHandlerContext?
  private var watch: ConnectionWatch
  var dueAt = NIODeadline.distantFuture
  var placeInQueue: Int?
  private var timers: CallTimers?
  private var turn = PendingTurn()
  /// The socket takes no more for now.
  private var isHeldBack = false
  private var isReading = false
  private var isFlushScheduled = false
  private var isShuttingDown = false
  /// Nothing is read any more.
  private var isClosing = false
  private var isCloseScheduled = false

  init(server: ServerShared, loop: any EventLoop, usesTLS: Bool) {
    self.server = server
    self.shared = server.resources(of: loop)
    self.usesTLS = usesTLS
    self.doorkeeper = Doorkeeper(turns: shared.turns)
    self.link = LoopDriver(loop: loop, runsHandlers: server.runsHandlersOnLoop)
    self.watch = ConnectionWatch(limits: server.watchLimits, now: .now())
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
      // A peer that speaks no ALPN at all is given the benefit of the doubt; one that chose another protocol is not.
      if negotiated == nil || negotiated == "h2" {
        begin(context)
      } else {
        closing(.wrongProtocol, context)
        context.close(promise: nil)
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard connection == nil else { return }
    connection = ServerConnection(
      rules: server.rules, peer: Peer(context: context), host: self, memory: shared.memory, now: .now)
    if isShuttingDown { connection?.beginShutdown() }
    output()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end()
  }

  private func end() {
    connection?.disconnected()
    connection = nil
    shared.watches.forget(self)
    timers?.cancel()
    link.serve(nil)
    doorkeeper = nil
    turn.unread = nil
    context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    server.logger.debug("a connection failed", metadata: ["error": "\(error)"])
    // Whatever else fails before the handshake's end is the network's fault.
    if usesTLS, connection == nil, !(error is IOError) { closing(.tlsHandshake, context) }
    context.close(promise: nil)
  }

  // MARK: Octets

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var octets = unwrapInboundIn(data)
    shared.turns.hear(self)
    if octets.readableBytes >= Server.fullReadBytesMin, shared.turns.mustWaitAfterFullRead() { giveWay() }
    // A socket is read to its end when its peer is gone, whether that was asked for or not.
    if turn.unread?.writeBuffer(&octets) == nil { receive(octets) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if connection != nil { watch.received(now: .now()) }
    received()
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if turn.givesWay { turn.wantsRead = true } else { context.read() }
  }

  private func giveWay() {
    turn.givesWay = true
    waitForTurn()
  }

  private func waitForTurn() {
    guard !turn.isInQueue else { return }
    turn.isInQueue = true
    shared.turns.wait(self)
  }

  /// Gives the connection what was read, as much of it as may be in this turn of the loop.
  private func receive(_ octets: ByteBuffer) {
    guard let connection, !isClosing else { return }
    isReading = true
    var octets = octets
    do throws(HTTP2Error) {
      let count = try octets.withUnsafeReadableBytes { octets throws(HTTP2Error) in
        try shared.turns.slice(octets) { slice throws(HTTP2Error) in
          try connection.receive(slice, now: .now)
          return !isClosing && self.connection != nil
        }
      }
      octets.moveReaderIndex(forwardBy: count)
      guard octets.readableBytes > 0, !isClosing else { return }
      turn.unread = octets
      giveWay()
    } catch {
      connection.terminate(error)
      output()
      close(error)
    }
  }

  private func received() {
    shared.executor.drain()
    isReading = false
    output()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    isHeldBack = !isWritable
    connection?.noteTransport(isWritable ? 0 : ServerHandler.transportBytesMax)
    output()
    context.fireChannelWritabilityChanged()
  }

  private func output() {
    guard let connection, let context else { return }
    connection.flush(now: .now)
    do throws(HTTP2Error) {
      try FrameOutput.write(to: context) { () throws(HTTP2Error) in try connection.nextOutput() }
    } catch {
      connection.terminate(error)
      close(error)
    }
    watch.hasCalls = connection.callCount > 0
    if connection.hasUnsent || isHeldBack { watchStall(connection, context) } else { timers?.stall.moved() }
    scheduleDeadline()
    if placeInQueue == nil { checkWatch() }
    if connection.isFinished { closeAfterWrites() }
  }

  private func close(_ error: HTTP2Error) {
    server.logger.debug("closing a connection", metadata: ["reason": "\(error)"])
    if let connection, let context, !isClosing {
      isClosing = true
      // Whatever can still be said: GOAWAY. A session that cannot even say that has nothing left to lose.
      do throws(HTTP2Error) {
        try FrameOutput.write(to: context) { () throws(HTTP2Error) in try connection.nextOutput() }
      } catch {
        server.logger.debug("closing without GOAWAY", metadata: ["reason": "\(error)"])
      }
    }
    closeAfterWrites()
  }

  /// Writes are in order, so a close behind an empty write comes after them; a peer that does not read cannot hold it
  /// longer than the watch allows.
  private func closeAfterWrites() {
    guard let context, !isCloseScheduled else { return }
    isClosing = true
    isCloseScheduled = true
    let channel = context.channel
    context.writeAndFlush(NIOAny(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
    // Not by the channel: a timer that held it would keep the buffers of every connection that was closed a moment ago.
    context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: ServerHandler.closeTimeout) { [weak self] in
      self?.context?.close(promise: nil)
    }
  }

  // MARK: Time

  private func scheduleDeadline() {
    guard let connection, let context, let due = connection.nextDeadline else { return }
    let timers = callTimers()
    guard !timers.rings(by: due) else { return }
    let delay = max(TimeAmount(ContinuousClock.now.duration(to: due)), .nanoseconds(0))
    let timer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: delay) { [weak self] in
      timers.deadline = nil
      self?.connection?.expireCalls(now: .now)
      self?.output()
    }
    timers.deadline = (due, timer)
  }

  private func callTimers() -> CallTimers {
    let timers = timers ?? CallTimers(stallTimeout: server.limits.stallTimeout.map { TimeAmount($0) })
    self.timers = timers
    return timers
  }

  private func checkWatch() {
    guard let context else { return }
    switch watch.check(now: .now()) {
    case .wait(until: nil): shared.watches.forget(self)
    case .wait(let due?): shared.watches.wake(self, at: due)
    case .ping:
      // Nothing was heard for long: nothing that is kept for the next message will be missed.
      connection?.trim()
      connection?.ping(ServerHandler.keepalivePing)
      checkWatch()
      output()
    // Idle it stays while it ends.
    case .close(.idle): if !isShuttingDown { beginShutdown() }
    case .close(let reason):
      closing(reason == .dead ? .keepalive : .establishing, context)
      context.close(promise: nil)
    }
  }

  /// One timer at a time, however often the client stops and goes on meanwhile.
  private func watchStall(_ connection: ServerConnection, _ context: ChannelHandlerContext) {
    let timers = callTimers()
    guard !isClosing, timers.stallTimer == nil || !timers.stall.isWaiting else { return }
    switch timers.stall.check(sentBytes: connection.sentBytes, now: .now()) {
    case .wait(until: nil): break
    case .wait(let due?):
      guard timers.stallTimer == nil else { return }
      timers.stallTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(deadline: due) { [weak self] in
        timers.stallTimer = nil
        guard let self, let connection = self.connection, let context = self.context else { return }
        if timers.stall.isWaiting { watchStall(connection, context) }
      }
    case .stalled: close(.stalled)
    }
  }

  /// The server closes the connection because of its peer, in one of the loop's next turns.
  func close(_ reason: ClosingReason) {
    guard connection != nil, turn.closingReason == nil else { return }
    turn.closingReason = reason
    waitForTurn()
  }

  private func closeNow(_ reason: ClosingReason) {
    guard let connection, context != nil, !isClosing else { return }
    isClosing = true
    connection.terminate(reason)
    connection.cancelCalls(RPCError(.resourceExhausted, "the connection is being closed: \(reason.name)"))
    output()
    // What such a client does not read would only be held longer.
    if isHeldBack { context?.close(promise: nil) } else { closeAfterWrites() }
  }

  /// Gives memory back that is only kept for later.
  func trim() {
    connection?.trim()
  }

  private func closing(_ reason: ClosingReason, _ context: ChannelHandlerContext) {
    if let connection {
      connection.noteClosing(reason)
    } else if !isClosing {
      isClosing = true
      server.metrics.connectionClosing(reason, peer: Peer(context: context))
    }
  }

  // MARK: Shutdown

  func beginShutdown() {
    isShuttingDown = true
    guard let connection, let context else { return }
    connection.beginShutdown()
    output()
    context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(server.limits.goAwayTimeout)) { [weak self] in
      self?.connection?.finishShutdown()
      self?.output()
    }
  }

  /// The drain took too long: handlers are cancelled and the connection closes.
  func abort() {
    guard let connection else {
      context?.close(promise: nil)
      return
    }
    connection.finishShutdown()
    connection.cancelCalls(RPCError(.unavailable, "the server is shutting down"))
    output()
    closeAfterWrites()
  }

  /// "muster", and the number of keepalive among our pings.
  private static let keepalivePing: UInt64 = 0x6d75_7374_6572_0002
  private static let closeTimeout = TimeAmount.seconds(2)
  /// Octets that may wait in the channel while it is not writable: its high-water mark, and the write that went over it.
  private static let transportBytesMax = (64 << 10) + FrameOutput.writeBytesMax
}

extension ServerHandler: Watched, TakesTurns {
  func watchIsDue() {
    turn.isWatchDue = true
    waitForTurn()
  }

  func turnCame() -> Bool {
    turn.isInQueue = false
    if let reason = turn.closingReason { closeNow(reason) }
    if turn.isWatchDue {
      turn.isWatchDue = false
      checkWatch()
    }
    turn.givesWay = false
    if let octets = turn.unread {
      turn.unread = nil
      receive(octets)
      received()
    }
    guard let context, turn.takeRead() else { return false }
    context.read()
    return true
  }
}

extension ServerHandler: AttentionHandler {
  func callNeedsAttention(_ call: any CallEndpoint) {
    guard let connection, let context else { return }
    connection.needsAttention(call)
    if isReading || isFlushScheduled { return }
    isFlushScheduled = true
    context.eventLoop.assumeIsolatedUnsafeUnchecked().execute { [self] in
      isFlushScheduled = false
      shared.executor.drain()
      output()
    }
  }
}

extension ServerHandler: ServerConnectionHost {
  var driver: any CallDriver { link }

  func start(_ work: ServerWork) {
    if server.runsHandlersOnLoop { return shared.workers.start(work) }
    work.suspended(in: Task { await work.run() })
  }

  func held(_ changeBytes: Int) -> Bool {
    server.held(changeBytes, by: link)
  }

  func pingAcknowledged(_ payload: UInt64) {}

  func established() {
    doorkeeper?.leave()
    doorkeeper = nil
    watch.established()
    checkWatch()
  }
}
