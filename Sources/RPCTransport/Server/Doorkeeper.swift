internal import NIOCore

/// Stands before a connection that is no HTTP/2 yet: what the peer says is heard when its turn comes.
///
/// Its handshake, or the end that it deserves, costs ten times as much as reading what it said. One read of the socket is held
/// meanwhile; until it is passed on, no more is read.
final class Doorkeeper: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let turns: LoopTurns
  private var context: ChannelHandlerContext?
  private var held: [NIOAny] = []
  private var isWaiting = false
  private var wantsRead = false
  private var isLeaving = false

  init(turns: LoopTurns) {
    self.turns = turns
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    held.removeAll()
  }

  /// The peer speaks HTTP/2, as what it was just heard to say shows.
  func leave() {
    isLeaving = true
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    held.append(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard !isWaiting else { return }
    isWaiting = true
    turns.wait(self)
  }

  func read(context: ChannelHandlerContext) {
    if isWaiting { wantsRead = true } else { context.read() }
  }

  /// A peer that is gone is not answered; what it said last is not heard.
  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    held.removeAll()
    context.fireChannelInactive()
  }
}

extension Doorkeeper: TakesTurns {
  func turnCame() -> Bool {
    guard let context else { return false }
    isWaiting = false
    let octets = held
    held.removeAll()
    for data in octets { context.fireChannelRead(data) }
    context.fireChannelReadComplete()
    let reads = wantsRead
    wantsRead = false
    if reads { context.read() }
    if isLeaving { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
    return reads
  }
}
