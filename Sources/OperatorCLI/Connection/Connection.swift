internal import Logging
internal import NIOPosix
internal import RPC
internal import RPCTransport

/// The real way to a region: gRPC over TCP or a unix socket.
enum Connection {
  /// A region that does not answer a connection attempt in this time is not there.
  private static let connectTimeout: Duration = .seconds(5)
  /// A watch notices a dead region after this much silence and as much waiting again.
  private static let keepaliveInterval: Duration = .seconds(20)

  static func withChannel(
    to target: ConnectionTarget,
    _ body: @Sendable (any Channel) async throws -> Void
  ) async throws {
    let address: EndpointAddress
    do {
      address = try EndpointAddress(target.address)
    } catch {
      throw CommandFailure(
        .usage, "--region '\(target.address)' is no address; write host:port, [v6]:port or unix:/path")
    }
    if let token = target.token, !token.isEmpty, !target.usesTLS, !address.isLocal {
      throw CommandFailure(
        .usage, "a token would travel to \(target.address) in clear; give the region's authority with --ca")
    }
    var options = ClientOptions()
    options.connectTimeout = connectTimeout
    options.keepaliveInterval = keepaliveInterval
    let channel = ClientChannel(
      addresses: [address],
      tls: target.usesTLS ? ClientTLS(trustRoots: target.caFile.map { .file($0) }) : nil,
      options: options,
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: Logger(label: "muster", factory: { _ in SwiftLogNoOpLogHandler() }))
    do {
      try await body(channel)
    } catch {
      channel.closeNow()
      throw error
    }
    channel.closeNow()
  }
}
