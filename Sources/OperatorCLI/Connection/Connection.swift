internal import RPC

/// The real way to a region.
enum Connection {
  static func withChannel(
    to target: ConnectionTarget,
    _ body: @Sendable (any Channel) async throws -> Void
  ) async throws {
  }
}
