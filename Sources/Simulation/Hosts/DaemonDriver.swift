internal import Provisioning
internal import Pserv

/// How one life of an agent drives its host's daemon: every call takes virtual time, may fail, and has no effect once
/// the agent is dead.
struct DaemonDriver: DHCPBackend {
  private let daemon: RackDaemon
  private let process: SimulatedProcess
  private let time: ProcessClock
  private let observations: any ObservationSink

  /// From one look at the lease file to the next.
  static let leaseInterval: Duration = .seconds(1)
  /// A daemon that died is started again after this.
  static let restartAfter: Duration = .seconds(2)

  init(_ daemon: RackDaemon, process: SimulatedProcess, time: ProcessClock, observations: any ObservationSink) {
    self.daemon = daemon
    self.process = process
    self.time = time
    self.observations = observations
  }

  private func call<Value>(_ call: MemoryDHCP.Call, _ body: (MemoryDHCP) async throws -> Value) async throws -> Value {
    try await process.sleep(for: daemon.time(for: call))
    guard process.isAlive else { throw CancellationError() }
    if daemon.fails() { throw DaemonFault(call: call) }
    daemon.tick()
    let value = try await body(daemon.memory)
    daemon.called(call)
    return value
  }

  func fingerprint(of state: RackState) -> ConfigurationFingerprint { daemon.memory.fingerprint(of: state) }
  func inspect() async throws -> DHCPInspection { try await call(.inspect) { try await $0.inspect() } }
  func validate(_ state: RackState) async throws -> ConfigurationVerdict {
    try await call(.validate) { try await $0.validate(state) }
  }
  func stage(_ state: RackState) async throws { try await call(.stage) { try await $0.stage(state) } }
  func validateStaged() async throws -> ConfigurationVerdict {
    try await call(.validateStaged) { try await $0.validateStaged() }
  }
  func install() async throws { try await call(.install) { try await $0.install() } }
  func pause() async throws { try await call(.pause) { try await $0.pause() } }
  func resume() async throws { try await call(.resume) { try await $0.resume() } }
  func delete(_ leases: [Lease]) async throws { try await call(.delete) { try await $0.delete(leases) } }
  func adopt(_ leases: [Lease]) async throws {
    try await call(.adopt) { try await $0.adopt(leases) }
    daemon.adopted(leases)
  }
  func rehearse(_ state: RackState, from good: RackState) async throws -> Rehearsal {
    try await call(.rehearse) { try await $0.rehearse(state, from: good) }
  }
  func reload() async throws -> Duration { try await call(.reload) { try await $0.reload() } }
  func restart() async throws { try await call(.restart) { try await $0.restart() } }
  func stop() async throws { try await call(.stop) { try await $0.stop() } }
  func probe(_ target: ProbeTarget) async throws -> ProbeVerdict { try await call(.probe) { try await $0.probe(target) } }
  func restore(_ state: RackState) async throws { try await call(.restore) { try await $0.restore(state) } }
  func leases(in subnets: [DHCPSubnetID]) async throws -> [Lease] {
    try await call(.leases) { try await $0.leases(in: subnets) }
  }
  func foreignServer(on attachment: Attachment) async throws -> IPv4Address? {
    try await call(.foreignServer) { try await $0.foreignServer(on: attachment) }
  }

  /// Reports leases as the lease file shows them, all of them once at the start, and restarts a daemon that died.
  func run() async throws {
    var known: [SubnetAddress: Lease] = [:]
    var downSince: Duration?
    while true {
      report(&known)
      if daemon.isWanted, !daemon.isRunning {
        let since = downSince ?? time.elapsed
        downSince = since
        if time.elapsed - since >= Self.restartAfter { try await restartDaemon() }
      } else {
        downSince = nil
      }
      try await process.sleep(for: Self.leaseInterval)
    }
  }

  /// Like the agent's supervisor: whoever stops the daemon while it waits is heard.
  private func restartDaemon() async throws {
    try await process.sleep(for: daemon.time(for: .restart))
    guard process.isAlive, daemon.isWanted, !daemon.isRunning, !daemon.fails() else { return }
    daemon.tick()
    try await daemon.memory.restart()
    daemon.called(.restart)
  }

  private func report(_ known: inout [SubnetAddress: Lease]) {
    guard process.isAlive else { return }
    let leases = daemon.memory.snapshot.leases
    for (place, lease) in leases.sorted(by: { $0.key < $1.key }) where known[place] != lease {
      observations.record(
        LeaseObservation(dhcpID: place.subnet, mac: lease.mac, address: place.address, until: lease.until))
    }
    for (place, lease) in known.sorted(by: { $0.key < $1.key }) where leases[place] == nil {
      observations.record(LeaseObservation(dhcpID: place.subnet, mac: lease.mac, address: place.address, until: nil))
    }
    known = leases
  }
}

/// A call that the daemon did not carry out.
struct DaemonFault: Error, CustomStringConvertible {
  let call: MemoryDHCP.Call
  var description: String { "\(call.rawValue) failed" }
}
