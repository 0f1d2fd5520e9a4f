internal import MetricsText
internal import NIOCore
internal import NIOPosix

/// Serves the counters to whoever asks, whatever the path, and closes.
enum MetricsPage {
  static func listen(port: Int, metrics: TextMetrics, group: any EventLoopGroup) async throws {
    _ = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(metrics: metrics)) }
      }
      .bind(host: "127.0.0.1", port: port).get()
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let metrics: TextMetrics

    init(metrics: TextMetrics) {
      self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let text = metrics.text()
      let response =
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
      let channel = context.channel
      context.writeAndFlush(NIOAny(ByteBuffer(string: response))).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
