internal import Provisioning
package import RPC
internal import Store
internal import Wire

/// The region controller without sockets, files and signals: a value that says what to serve (`router`) and does the
/// work that nobody asks for (`run`).
package struct Region: Sendable {
  package let context: RegionContext
  /// What `grpc.health.v1` answers; serving from `run()` to its end.
  package let health: HealthService
  private let tokens: TokensFile?
  private let lease: Duration
  private let eventsKeep: Duration

  /// - Parameters:
  ///   - tokens: Operators' tokens; nil lets every caller on this machine be an administrator. The entry point makes
  ///     sure that nobody else can connect then.
  ///   - lease: How long an agent's session is believed without a Renew.
  package init(
    context: RegionContext, tokens: TokensFile?, lease: Duration = .seconds(10),
    eventsKeep: Duration = Housekeeping.eventsKeepDefault
  ) {
    self.context = context
    self.tokens = tokens
    self.lease = lease
    self.eventsKeep = eventsKeep
    health = HealthService(services: Self.serviceNames)
  }

  /// Everything the region serves, behind authentication.
  package var router: Router {
    let services: [any Service] =
      [
        SubnetServiceHandler(context: context),
        NodeServiceHandler(context: context),
        BootProfileServiceHandler(context: context),
        EventServiceHandler(context: context),
        RegionServiceHandler(context: context),
        AgentHandler(context: context),
        AgentSessionHandler(context: context, lease: lease),
        health,
      ] + Reflection.services(files: MusterV1.fileDescriptors, serviceNames: Self.serviceNames)
    let store = context.store
    let authentication = AuthenticationInterceptor(tokens: tokens) { hash in
      try await store.read { try $0.agent(credential: hash.octets)?.name }
    }
    return Router(services: services, interceptors: [authentication])
  }

  /// Watches over agents and keeps house until the task is cancelled.
  package func run() async throws {
    defer { health.setAllNotServing() }
    try await Housekeeping(context: context, eventsKeep: eventsKeep).run()
  }

  /// Services of the contract, as reflection and health name them.
  private static let serviceNames = [
    "muster.v1.SubnetService", "muster.v1.NodeService", "muster.v1.BootProfileService", "muster.v1.EventService",
    "muster.v1.RegionService", "muster.v1.AgentService", "muster.v1.AgentSessionService",
  ]
}
