/// The network between the hosts: connections of octets in order, with seeded delays, that break, hang and go silent as
/// TCP's do.
final class SimulatedNetwork {
  let world: World
  private var random: SplitMix64
  /// Who takes connections at an address: the region, as long as its host is up.
  private var listeners: [String: Listener] = [:]
  private var connections: [SimulatedConnection] = []
  /// Hosts with power.
  private var up: Set<String> = []
  /// Pairs of hosts that do not reach each other.
  private var cuts: Set<Route> = []

  struct Listener {
    var process: SimulatedProcess
    var accept: (SimulatedConnection) -> any ConnectionEnd
  }

  /// Two hosts, in no order.
  struct Route: Hashable {
    private let a: String
    private let b: String

    init(_ one: String, _ other: String) {
      (a, b) = one < other ? (one, other) : (other, one)
    }
  }

  /// One way.
  static let latency: ClosedRange<Duration> = .microseconds(50) ... .milliseconds(2)
  /// Unanswered octets make a connection fail after this; Linux takes 15 minutes, which no run lasts.
  static let retransmissionMax: Duration = .seconds(60)
  /// An attempt to connect fails after this.
  static let connectTimeout: Duration = .seconds(10)
  /// Octets under way in one direction: HTTP/2's window for a connection, and frames that no window counts.
  static let octetsUnderWayMax = 5 << 20

  init(_ world: World) {
    self.world = world
    random = world.random.fork()
  }

  func delay() -> Duration { random.duration(Self.latency) }

  // MARK: Hosts

  func listen(at address: String, _ listener: Listener) {
    listeners[address] = listener
  }

  func stopListening(at address: String) {
    listeners[address] = nil
  }

  func isUp(_ host: String) -> Bool { up.contains(host) }

  func set(_ host: String, isUp: Bool) {
    guard isUp else {
      up.remove(host)
      return
    }
    guard up.insert(host).inserted else { return }
    for connection in connections { connection.retransmit() }
  }

  /// Connects `client` to `address`; the outcome comes to `connected` or `failed` of the end, as steps of its process.
  func connect(_ client: any ConnectionEnd, from host: String, to address: String, at server: String) -> SimulatedConnection {
    let connection = SimulatedConnection(network: self, from: host, to: server, client: client)
    connections.append(connection)
    guard !isCut(connection.route), isUp(server) else {
      client.process.call(after: Self.connectTimeout) { connection.fail("connecting timed out") }
      return connection
    }
    client.process.call(after: delay() + delay()) { [self] in
      guard connection.isOpen else { return }
      guard let listener = listeners[address], listener.process.isAlive else {
        return connection.fail("connection refused")
      }
      connection.accepted(by: listener.accept(connection))
      client.connected()
    }
    return connection
  }

  func remove(_ connection: SimulatedConnection) {
    connections.removeAll { $0 === connection }
  }

  // MARK: Faults

  func isCut(_ route: Route) -> Bool { cuts.contains(route) }

  func cut(_ route: Route) { cuts.insert(route) }

  /// What was sent meanwhile arrives.
  func heal(_ route: Route) {
    guard cuts.remove(route) != nil else { return }
    for connection in connections where connection.route == route { connection.retransmit() }
  }

  func healAll() {
    let healed = cuts
    cuts = []
    for connection in connections where healed.contains(connection.route) { connection.retransmit() }
  }

  /// Breaks one connection between two hosts: both ends are told.
  func breakConnection(on route: Route) -> Bool {
    guard let connection = connections.first(where: { $0.route == route && $0.isOpen }) else { return false }
    connection.reset("connection reset by peer")
    return true
  }

  /// The process is gone. Its peers are told by its kernel, or, when the whole host went, by nobody.
  func abandon(_ process: SimulatedProcess, silently: Bool) {
    for connection in connections where connection.isEnd(of: process) { connection.abandon(by: process, silently: silently) }
  }

  /// The most octets under way in one direction of one connection.
  var octetsUnderWay: Int { connections.map(\.octetsUnderWay).max() ?? 0 }
}
