/// One end of a connection, in one process.
protocol ConnectionEnd: AnyObject {
  var process: SimulatedProcess { get }
  /// The client's end only: octets may be sent.
  func connected()
  func received(_ octets: [UInt8])
  /// The connection is gone, or never came to be.
  func disconnected(_ reason: String)
}

/// Octets in order between two ends.
final class SimulatedConnection {
  let network: SimulatedNetwork
  let route: SimulatedNetwork.Route
  private let client: any ConnectionEnd
  private var server: (any ConnectionEnd)?
  private let toServer: Pipe
  private let toClient: Pipe
  private(set) var isOpen = true

  /// - Parameters:
  ///   - from: The client's host.
  ///   - to: The server's host.
  init(network: SimulatedNetwork, from: String, to: String, client: any ConnectionEnd) {
    self.network = network
    self.route = SimulatedNetwork.Route(from, to)
    self.client = client
    toServer = Pipe(to: to)
    toClient = Pipe(to: from)
    (toServer.connection, toClient.connection) = (self, self)
    toClient.receiver = client
  }

  var octetsUnderWay: Int { max(toServer.octets, toClient.octets) }

  func isEnd(of process: SimulatedProcess) -> Bool { client.process === process || server?.process === process }

  func accepted(by server: any ConnectionEnd) {
    self.server = server
    toServer.receiver = server
  }

  func send(_ octets: [UInt8], from end: any ConnectionEnd) {
    guard isOpen, !octets.isEmpty else { return }
    (end === client ? toServer : toClient).send(octets)
  }

  /// The hosts reach each other again: what waited is sent anew.
  func retransmit() {
    toServer.retransmit()
    toClient.retransmit()
  }

  // MARK: The end

  /// The connection never came to be.
  func fail(_ reason: String) {
    guard isOpen else { return }
    close()
    client.disconnected(reason)
  }

  /// One end closed it; the other learns that behind what was sent before.
  func close(by end: any ConnectionEnd) {
    guard isOpen, let other = end === client ? server : client else { return close() }
    let pipe = end === client ? toServer : toClient
    network.world.after(pipe.nextDue() - network.world.now) { [self] in
      guard isOpen else { return }
      close()
      other.process.call { other.disconnected("the peer closed the connection") }
    }
  }

  /// Both ends are told.
  func reset(_ reason: String) {
    guard isOpen else { return }
    close()
    for end in [client, server].compactMap({ $0 }) { end.process.call { end.disconnected(reason) } }
  }

  /// One end is gone: killed, or it gave up. The other's kernel is told, or, `silently` and where the hosts do not reach
  /// each other, nobody is; whoever is left then finds out by its own clock, or when it sends.
  func abandon(by end: any ConnectionEnd, silently: Bool, reason: String) {
    guard isOpen else { return }
    defer { end.disconnected(reason) }
    guard let left = end === client ? server : client else { return close() }
    (end === client ? toClient : toServer).isVoid = true
    guard !silently, !network.isCut(route) else { return }
    network.world.after(network.delay()) { [self] in tell(left) }
  }

  func abandon(by process: SimulatedProcess, silently: Bool) {
    for end in [client, server] {
      if let end, end.process === process { abandon(by: end, silently: silently, reason: "the process was killed") }
    }
  }

  /// The peer's kernel knows of no such connection.
  fileprivate func refused(by pipe: Pipe) {
    if let left = pipe === toClient ? server : client { tell(left) }
  }

  private func tell(_ left: any ConnectionEnd) {
    guard isOpen else { return }
    close()
    left.process.call { left.disconnected("connection reset by peer") }
  }

  private func close() {
    isOpen = false
    network.remove(self)
  }
}

/// One direction of a connection.
final class Pipe {
  unowned var connection: SimulatedConnection!
  weak var receiver: (any ConnectionEnd)?
  /// Sent and not yet arrived, in order.
  private var underWay: [[UInt8]] = []
  /// Arrived at the receiver's kernel, in order; its process has not looked.
  private var arrived: [[UInt8]] = []
  /// How many of `underWay` wait for the hosts to reach each other.
  private var held = 0
  private var lastDue: Duration = .zero
  /// A failure for want of an answer is on its way.
  private var isTimed = false
  /// There is no such connection at the receiver's any more.
  var isVoid = false
  private let host: String

  /// - Parameter host: The receiver's.
  init(to host: String) {
    self.host = host
  }

  var octets: Int { (underWay + arrived).reduce(0) { $0 + $1.count } }

  private var network: SimulatedNetwork { connection.network }
  private var isBlocked: Bool { isVoid || network.isCut(connection.route) }

  /// When the next octets would arrive: never before earlier ones.
  func nextDue() -> Duration {
    lastDue = max(lastDue, network.world.now + network.delay())
    return lastDue
  }

  func send(_ octets: [UInt8]) {
    underWay.append(octets)
    guard !isBlocked else { return hold() }
    let connection = connection
    network.world.after(nextDue() - network.world.now) { [self] in
      // Keeps the connection as long as something is under way.
      if connection?.isOpen == true { arrive() }
    }
  }

  private func arrive() {
    guard !isBlocked else { return hold() }
    guard !underWay.isEmpty, let receiver else { return }
    arrived.append(underWay.removeFirst())
    let connection = connection
    receiver.process.call { [self] in
      guard connection?.isOpen == true, !arrived.isEmpty, let receiver = self.receiver else { return }
      receiver.received(arrived.removeFirst())
    }
  }

  private func hold() {
    held += 1
    time()
    retransmit()
  }

  /// Sends what is held again, if anybody can be reached.
  func retransmit() {
    guard held > 0, !network.isCut(connection.route) else { return }
    let connection = connection
    if isVoid {
      guard network.isUp(host) else { return }
      network.world.after(network.delay() + network.delay()) { [self] in
        if connection?.isOpen == true { connection?.refused(by: self) }
      }
      return
    }
    let count = held
    held = 0
    network.world.after(nextDue() - network.world.now) { [self] in
      guard connection?.isOpen == true else { return }
      for _ in 0..<count { arrive() }
    }
  }

  /// Nothing that was sent is acknowledged: the sender's kernel gives up at last.
  private func time() {
    guard !isTimed else { return }
    isTimed = true
    let connection = connection
    network.world.after(SimulatedNetwork.retransmissionMax) { [self] in
      isTimed = false
      guard let connection, connection.isOpen, isBlocked, held > 0 else { return }
      connection.reset("connection timed out")
    }
  }
}
