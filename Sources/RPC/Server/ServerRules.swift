/// What all connections of a server have in common, as one object: a connection that does nothing should hold little.
public final class ServerRules: Sendable {
  let router: Router
  let configuration: ServerConfiguration
  let observer: any ServerObserver

  public init(router: Router, configuration: ServerConfiguration, observer: any ServerObserver) {
    self.router = router
    self.configuration = configuration
    self.observer = observer
  }
}
