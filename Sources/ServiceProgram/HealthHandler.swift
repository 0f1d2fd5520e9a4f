internal import NIOCore

/// A connection that waits for the metrics.
struct Scrape: Sendable {
  fileprivate let channel: any Channel

  func answer(_ text: String) {
    HealthHandler.answer(channel, "200 OK", text, type: "text/plain; version=0.0.4")
  }
}

/// Reads up to the end of the request's head and answers.
final class HealthHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// Octets of a request's head; more is no probe.
  private static let headBytesMax = 4096

  private let obstacle: @Sendable () -> String?
  private let scrape: @Sendable (Scrape) -> Bool
  private var head = ByteBuffer()
  private var isAnswered = false

  /// - Parameters:
  ///   - obstacle: Why the service is not ready, in a line; `nil` when it is.
  ///   - scrape: Takes a connection that wants the metrics; false when too many wait.
  init(obstacle: @escaping @Sendable () -> String?, scrape: @escaping @Sendable (Scrape) -> Bool) {
    self.obstacle = obstacle
    self.scrape = scrape
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isAnswered { return }
    var part = unwrapInboundIn(data)
    head.writeBuffer(&part)
    guard head.readableBytes <= Self.headBytesMax else { return context.close(promise: nil) }
    let text = String(buffer: head)
    guard text.contains("\r\n\r\n") || text.contains("\n\n") else { return }
    isAnswered = true
    respond(to: text, on: context.channel)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func respond(to request: String, on channel: any Channel) {
    let words = request.prefix { !$0.isNewline }.split(separator: " ")
    guard words.count >= 2, words[0] == "GET" else { return Self.answer(channel, "405 Method Not Allowed", "GET only\n") }
    switch words[1] {
    case "/healthz": Self.answer(channel, "200 OK", "ok\n")
    case "/readyz":
      if let obstacle = obstacle() {
        Self.answer(channel, "503 Service Unavailable", "\(obstacle)\n")
      } else {
        Self.answer(channel, "200 OK", "ready\n")
      }
    case "/metrics":
      if !scrape(Scrape(channel: channel)) { Self.answer(channel, "503 Service Unavailable", "others ask already\n") }
    default: Self.answer(channel, "404 Not Found", "/healthz, /readyz or /metrics\n")
    }
  }

  fileprivate static func answer(_ channel: any Channel, _ status: String, _ body: String, type: String = "text/plain") {
    let response =
      "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    channel.writeAndFlush(ByteBuffer(string: response)).whenComplete { _ in channel.close(promise: nil) }
  }
}
