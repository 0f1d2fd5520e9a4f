internal import HTTP2
internal import RPC

/// The region's end of a connection: the HTTP/2 and the calls of `RPC`, handlers as tasks of the region's process.
final class ServerEnd: ConnectionEnd {
  let process: SimulatedProcess
  private var connection: SimulatedConnection?
  private let target = CallTarget()
  private var http: ServerConnection?
  private var isFlushDue = false
  private var deadline: ContinuousClock.Instant?

  init(_ process: SimulatedProcess, router: Router, peer: String, connection: SimulatedConnection) {
    self.process = process
    self.connection = connection
    target.end = self
    http = ServerConnection(
      router: router, configuration: ServerConfiguration(), peer: Peer(address: peer, isLoopbackOrUnix: true),
      observer: NullServerObserver(), host: self, now: process.world.instant)
    scheduleFlush()
  }

  func connected() {}

  func received(_ octets: [UInt8]) {
    guard let http else { return }
    do {
      try octets.withUnsafeBytes { try http.receive($0, now: process.world.instant) }
      flush()
    } catch {
      process.world.violate(.answersAreUnderstood, "the region ends a connection of ours: \(error)")
    }
  }

  func disconnected(_ reason: String) {
    http?.disconnected()
    http = nil
    connection = nil
  }

  private func flush() {
    isFlushDue = false
    guard let http, process.isAlive else { return }
    http.flush(now: process.world.instant)
    do throws(HTTP2Error) {
      while let octets = try http.nextOutput() { connection?.send([UInt8](octets), from: self) }
    } catch {
      process.world.violate(.answersAreUnderstood, "the region ends a connection of ours: \(error)")
    }
    scheduleDeadline()
  }

  private func scheduleFlush() {
    guard !isFlushDue else { return }
    isFlushDue = true
    process.call { [self] in flush() }
  }

  private func scheduleDeadline() {
    guard let due = http?.nextDeadline else { return }
    if let deadline, deadline <= due { return }
    deadline = due
    process.call(after: process.world.instant.duration(to: due)) { [self] in
      deadline = nil
      http?.expireCalls(now: process.world.instant)
      flush()
    }
  }
}

extension ServerEnd: ServerConnectionHost {
  var driver: any CallDriver { target }
  func start(_ work: ServerWork) {
    work.suspended(in: Task(executorPreference: process) { await work.run() })
  }
  func held(_ changeBytes: Int) -> Bool { true }
  func established() {}
  func pingAcknowledged(_ payload: UInt64) {}
}

extension ServerEnd: AttentiveEnd {
  func attend(_ call: any CallEndpoint) {
    guard let http else { return }
    http.needsAttention(call)
    scheduleFlush()
  }
}
