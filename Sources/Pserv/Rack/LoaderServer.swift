/// Serves the first loaders by TFTP. Its files do not depend on the rack's state, so it only runs.
package protocol LoaderServer: Sendable {
  /// Supervises the server for as long as the agent runs. Ends by cancellation.
  func run() async throws
  /// What an operator should know: a missing loader, a port in use. At most 8, each one sentence.
  var warnings: [String] { get }
}

/// The interfaces of this host.
package protocol LinkSource: Sendable {
  /// The state of the named interfaces now, in the order of their names; one that does not exist is absent.
  func links(of interfaces: [String]) throws -> [LinkState]
  /// Calls `changed` after every change that `links` may show, until cancelled. Calls may be spurious, none is lost.
  func watch(_ changed: @escaping @Sendable () -> Void) async throws
}
