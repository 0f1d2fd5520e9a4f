internal import NIOCore
internal import RPC

/// Brings word of a call to its connection's event loop.
final class LoopDriver: CallDriver {
  private let loop: any EventLoop
  private let target: NIOLoopBound<Target>
  private let runsHandlers: Bool

  /// Emptied when the connection goes; calls may hold the driver longer.
  final class Target {
    var handler: (any AttentionHandler)?
  }

  /// To be called on `loop`.
  ///
  /// - Parameter runsHandlers: Whether tasks that read and write messages run on the loop itself.
  init(loop: any EventLoop, target: Target, runsHandlers: Bool = false) {
    self.loop = loop
    self.runsHandlers = runsHandlers
    self.target = NIOLoopBound(target, eventLoop: loop)
  }

  var largeMessages: (any TaskExecutor)? { runsHandlers ? LargeMessageThreads.shared : nil }

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
