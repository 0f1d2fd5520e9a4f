internal import HTTP2
internal import RPC

/// A client's end: the HTTP/2 of `RPC`, octets by the simulated network.
final class ClientEnd: ConnectionEnd {
  let process: SimulatedProcess
  private let channel: SimulatedChannel
  private let target = CallTarget()
  private var http: ClientConnection?
  private var connection: SimulatedConnection?
  private var isFlushDue = false
  private var heard: Duration = .zero
  private var pinged: Duration?
  private var isWatching = false
  private var isEstablished = false

  /// A server whose kernel took the connection and that does not begin HTTP/2 within this is given up; as the program's
  /// `ClientOptions.connectTimeout`.
  private static let establishingMax: Duration = .seconds(10)

  init(_ channel: SimulatedChannel) {
    self.channel = channel
    process = channel.process
    target.end = self
  }

  func connect(to address: String, over network: SimulatedNetwork) {
    connection = network.connect(self, from: channel.host, to: address, at: RegionHost.name)
  }

  /// - Returns: False when this connection takes no new calls.
  func start(_ call: ClientCall) -> Bool {
    guard let http, http.start(call, now: process.world.instant) else { return false }
    scheduleFlush()
    if !isWatching { watch() }
    return true
  }

  // MARK: ConnectionEnd

  func connected() {
    http = ClientConnection(
      configuration: ClientConnection.Configuration(authority: channel.address), host: self, now: process.world.instant)
    heard = process.world.now
    flush()
    process.call(after: Self.establishingMax) { [weak self] in
      guard let self, !isEstablished, let connection else { return }
      connection.abandon(by: self, silently: false, reason: "the server did not begin HTTP/2 in time")
    }
  }

  func received(_ octets: [UInt8]) {
    guard let http else { return }
    (heard, pinged) = (process.world.now, nil)
    do {
      try octets.withUnsafeBytes { try http.receive($0, now: process.world.instant) }
      flush()
    } catch {
      connection?.reset("HTTP/2: \(error)")
    }
  }

  func disconnected(_ reason: String) {
    let error = RPCError(.unavailable, "\(reason) (\(channel.address))")
    http?.disconnected(error)
    http = nil
    connection = nil
    channel.ended(self, error)
  }

  /// What `RPCTransport`'s `ConnectionWatch` decides, in virtual time: while calls run, silence is asked about.
  private func watch() {
    guard let http, http.callCount > 0, process.isAlive else {
      isWatching = false
      return
    }
    isWatching = true
    let now = process.world.now
    let due = pinged.map { $0 + channel.keepalive.timeout } ?? heard + channel.keepalive.interval
    guard now >= due else {
      return process.call(after: due - now) { [weak self] in self?.watch() }
    }
    guard pinged == nil else {
      connection?.abandon(by: self, silently: false, reason: "the server did not answer a keepalive ping")
      return
    }
    pinged = now
    http.ping(Self.keepalivePing)
    flush()
    watch()
  }

  private static let keepalivePing: UInt64 = 0x6d75_7374_6572_0002

  private func flush() {
    isFlushDue = false
    guard let http, let connection else { return }
    http.flush()
    do throws(HTTP2Error) {
      while let octets = try http.nextOutput() { connection.send([UInt8](octets), from: self) }
    } catch {
      return connection.reset("HTTP/2: \(error)")
    }
    if http.isDraining, http.callCount == 0 {
      connection.close(by: self)
      disconnected("the server takes no more calls")
    }
  }

  private func scheduleFlush() {
    guard !isFlushDue else { return }
    isFlushDue = true
    process.call { [self] in flush() }
  }
}

extension ClientEnd: ClientConnectionHost {
  var driver: any CallDriver { target }
  func becameReady() {
    isEstablished = true
    channel.ready(self)
  }
  func beganDraining() { channel.draining(self) }
  func refused(_ call: ClientCall) { process.call { [channel] in channel.submit(call) } }
  func pingAcknowledged(_ payload: UInt64) {}
}

extension ClientEnd: AttentiveEnd {
  func attend(_ call: any CallEndpoint) {
    guard let http else { return }
    http.needsAttention(call)
    scheduleFlush()
  }
}

/// A connection's end with calls.
protocol AttentiveEnd: AnyObject {
  func attend(_ call: any CallEndpoint)
}

/// What calls know of their connection; they may hold it longer than it lives. Used on the world's thread only.
final class CallTarget: CallDriver, @unchecked Sendable {
  weak var end: (any AttentiveEnd)?

  func callNeedsAttention(_ call: any CallEndpoint) {
    end?.attend(call)
  }
}
