internal import NIOCore
internal import RPC
internal import Synchronization

/// A connection as other threads hold it: brings word of its calls, and what else there is to do, to its event loop.
final class LoopDriver<Handler: AttentionHandler>: CallDriver {
  private let loop: any EventLoop
  private let runsHandlers: Bool
  /// Touched on the loop only. Emptied when the connection goes; calls and the server may hold the driver longer.
  nonisolated(unsafe) private var handler: Handler?
  /// Octets that the connection holds, as far as it told.
  let heldBytes = Atomic(0)

  /// - Parameter runsHandlers: Whether tasks that read and write messages run on the loop itself.
  init(loop: any EventLoop, runsHandlers: Bool = false) {
    self.loop = loop
    self.runsHandlers = runsHandlers
  }

  /// To be called on the loop; nil when the connection goes.
  func serve(_ handler: Handler?) {
    loop.preconditionInEventLoop()
    self.handler = handler
  }

  /// Does something with the connection on its loop, if it is still there then.
  func perform(_ body: @escaping @Sendable (Handler) -> Void) {
    loop.execute { if let handler = self.handler { body(handler) } }
  }

  var largeMessages: (any TaskExecutor)? { runsHandlers ? LargeMessageThreads.shared : nil }

  func callNeedsAttention(_ call: any CallEndpoint) {
    if loop.inEventLoop {
      handler?.callNeedsAttention(call)
    } else {
      perform { $0.callNeedsAttention(call) }
    }
  }
}

/// A channel handler with calls.
protocol AttentionHandler: AnyObject, SendableMetatype {
  func callNeedsAttention(_ call: any CallEndpoint)
}
