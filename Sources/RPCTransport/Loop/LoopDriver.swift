internal import NIOCore
internal import RPC

/// Brings word of a call to its connection's event loop.
final class LoopDriver: CallDriver {
  private let loop: any EventLoop
  private let target: NIOLoopBound<Target>
  let largeMessages: (any TaskExecutor)?

  /// Emptied when the connection goes; calls may hold the driver longer.
  final class Target {
    var handler: (any AttentionHandler)?
  }

  /// To be called on `loop`.
  ///
  /// - Parameter largeMessages: Encodes and decodes them for tasks that run on the loop itself.
  init(loop: any EventLoop, target: Target, largeMessages: (any TaskExecutor)? = nil) {
    self.loop = loop
    self.largeMessages = largeMessages
    self.target = NIOLoopBound(target, eventLoop: loop)
  }

  func callNeedsAttention(_ call: any CallEndpoint) {
    if loop.inEventLoop {
      target.value.handler?.callNeedsAttention(call)
    } else {
      loop.execute { self.target.value.handler?.callNeedsAttention(call) }
    }
  }
}

/// A channel handler with calls.
protocol AttentionHandler: AnyObject {
  func callNeedsAttention(_ call: any CallEndpoint)
}
