package import Provisioning
internal import Synchronization

/// A DHCP daemon in memory with Kea's manners, for tests and the simulation: it keeps old leases over a reload, gives a
/// machine whose address is occupied some address of the pool without a word, and may go deaf.
package final class MemoryDHCP: DHCPBackend {
  /// One call of the protocol that another process would notice.
  package enum Call: String, Sendable, Hashable, CaseIterable {
    case inspect, validate, stage, validateStaged, install, pause, resume, delete, reload, restart, stop, probe
    case adopt, rehearse, restore, leases, foreignServer
  }

  /// What a fault throws.
  package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
    package var call: Call
    package var description: String { "\(call.rawValue) failed" }
  }

  package struct State: Sendable {
    package var staged: RackState?
    package var installed: RackState?
    package var loaded: RackState?
    package var isRunning = false
    package var isPaused = false
    package var isDeaf = false
    package var memoryBytes: UInt64 = 0
    /// By address.
    package var leases: [SubnetAddress: Lease] = [:]
    /// Foreign servers by interface.
    package var foreign: [String: IPv4Address] = [:]
    package var calls: [Call] = []
    package var now = Timestamp(seconds: 1_800_000_000)
  }

  private struct Script: Sendable {
    var faults: [Call: Int] = [:]
    var refusal: @Sendable (RackState) -> String? = { _ in nil }
    var deafOnLoading: @Sendable (RackState) -> Bool = { _ in false }
    var before: @Sendable (Call) async -> Void = { _ in }
    var rehearsal: (@Sendable (RackState) -> Rehearsal)?
  }

  private let state = Mutex(State())
  private let script = Mutex(Script())

  package init() {}

  package var snapshot: State { state.withLock { $0 } }
  package func change(_ body: (inout State) throws -> Void) rethrows { try state.withLock { try body(&$0) } }

  /// Makes the next `times` calls fail.
  package func fail(_ call: Call, times: Int = 1) { script.withLock { $0.faults[call] = times } }
  /// What the daemon's checker says to a state; `nil` accepts it.
  package func refuse(_ refusal: @escaping @Sendable (RackState) -> String?) { script.withLock { $0.refusal = refusal } }
  /// States that make the daemon deaf when it loads them.
  package func goDeaf(on loading: @escaping @Sendable (RackState) -> Bool) {
    script.withLock { $0.deafOnLoading = loading }
  }
  /// What a scratch daemon does instead of what this one would.
  package func rehearse(_ rehearsal: @escaping @Sendable (RackState) -> Rehearsal) {
    script.withLock { $0.rehearsal = rehearsal }
  }
  /// Runs before every call takes effect.
  package func beforeEachCall(_ body: @escaping @Sendable (Call) async -> Void) { script.withLock { $0.before = body } }

  /// How often the daemon read a configuration.
  package var loads: Int { snapshot.calls.count { $0 == .reload || $0 == .restart } }

  private func enter(_ call: Call) async throws {
    let before = script.withLock { $0.before }
    await before(call)
    state.withLock { $0.calls.append(call) }
    let fails = script.withLock { script in
      guard let times = script.faults[call], times > 0 else { return false }
      script.faults[call] = times - 1
      return true
    }
    if fails { throw Fault(call: call) }
  }

  // MARK: DHCPBackend

  package func fingerprint(of state: RackState) -> ConfigurationFingerprint {
    var sum = SubnetDigest.zero
    for subnet in state.answering {
      sum.insert(RowHash(subnet.header))
      let place = subnet.attachment
      sum.insert(RowHash(bits: UInt128(place?.agentAddress.bits ?? 0) << 64 | UInt128(subnet.dhcpID.number)))
      for var binding in subnet.bindings {
        (binding.bootProfile, binding.bootOnce) = (nil, nil)
        sum.insert(RowHash(binding))
      }
    }
    return ConfigurationFingerprint("\(sum)")
  }

  package func inspect() async throws -> DHCPInspection {
    try await enter(.inspect)
    let state = snapshot
    return DHCPInspection(
      installed: state.installed.map { fingerprint(of: $0) },
      loaded: state.isRunning ? state.loaded.map { fingerprint(of: $0) } : nil, isRunning: state.isRunning,
      memoryBytes: state.memoryBytes)
  }

  package func validate(_ state: RackState) async throws -> ConfigurationVerdict {
    try await enter(.validate)
    return verdict(on: state)
  }

  package func rehearse(_ state: RackState, from good: RackState) async throws -> Rehearsal {
    try await enter(.rehearse)
    let (rehearsal, deafening) = script.withLock { ($0.rehearsal, $0.deafOnLoading) }
    if let rehearsal { return rehearsal(state) }
    return deafening(state) ? .failed("nobody is answered") : .answered
  }

  package func stage(_ state: RackState) async throws {
    try await enter(.stage)
    change { $0.staged = state }
  }

  package func validateStaged() async throws -> ConfigurationVerdict {
    try await enter(.validateStaged)
    return snapshot.staged.map { verdict(on: $0) } ?? .refused("nothing is staged")
  }

  private func verdict(on state: RackState) -> ConfigurationVerdict {
    let refusal = script.withLock { $0.refusal }
    return refusal(state).map { .refused($0) } ?? .accepted
  }

  package func install() async throws {
    try await enter(.install)
    change { ($0.installed, $0.staged) = ($0.staged, nil) }
  }

  package func pause() async throws {
    try await enter(.pause)
    change { $0.isPaused = true }
  }

  package func resume() async throws {
    try await enter(.resume)
    change { $0.isPaused = false }
  }

  package func delete(_ leases: [Lease]) async throws {
    try await enter(.delete)
    change { state in
      for lease in leases { state.leases[SubnetAddress(subnet: lease.dhcpID, address: lease.address)] = nil }
    }
  }

  package func adopt(_ leases: [Lease]) async throws {
    try await enter(.adopt)
    try change { state in
      for lease in leases {
        guard state.isRunning, state.loaded?[lease.dhcpID]?.answersDHCP == true else { throw Fault(call: .adopt) }
        state.leases[SubnetAddress(subnet: lease.dhcpID, address: lease.address)] = lease
      }
    }
  }

  package func reload() async throws -> Duration {
    try await enter(.reload)
    load()
    return .milliseconds(60)
  }

  package func restart() async throws {
    try await enter(.restart)
    change { ($0.isPaused, $0.memoryBytes) = (false, 0) }
    load()
  }

  private func load() {
    let deafening = script.withLock { $0.deafOnLoading }
    change { state in
      (state.loaded, state.isRunning) = (state.installed, true)
      state.isDeaf = state.installed.map { deafening($0) } ?? false
    }
  }

  package func stop() async throws {
    try await enter(.stop)
    change { ($0.isRunning, $0.loaded, $0.isPaused) = (false, nil, false) }
  }

  package func probe(_ target: ProbeTarget) async throws -> ProbeVerdict {
    try await enter(.probe)
    return state.withLock { state in
      guard !state.isDeaf, let offered = Self.offer(to: target.mac, in: target.dhcpID, state) else { return .deaf }
      return offered == target.address ? .answered(.microseconds(500)) : .wrongAddress(offered)
    }
  }

  package func restore(_ state: RackState) async throws {
    try await enter(.restore)
    guard !state.answering.isEmpty else {
      return change { ($0.isRunning, $0.loaded, $0.isPaused) = (false, nil, false) }
    }
    change { ($0.installed, $0.isPaused) = (state, false) }
    load()
  }

  package func leases(in subnets: [DHCPSubnetID]) async throws -> [Lease] {
    try await enter(.leases)
    let wanted = Set(subnets)
    return state.withLock { state in
      state.leases.values.filter { wanted.contains($0.dhcpID) && $0.until > state.now }
    }
  }

  package func foreignServer(on attachment: Attachment) async throws -> IPv4Address? {
    try await enter(.foreignServer)
    return snapshot.foreign[attachment.interface]
  }

  package func run() async throws {
    while true { try await Task.sleep(for: .seconds(3600)) }
  }

  // MARK: Clients

  /// What a machine that asks now gets: an address and a lease, or silence.
  ///
  /// - Parameter requested: The address it had, if it remembers one (RFC 2131 §4.3.1).
  package func exchange(
    _ mac: MACAddress, in subnet: DHCPSubnetID, requesting requested: IPv4Address? = nil
  ) -> IPv4Address? {
    state.withLock { state in
      guard !state.isDeaf, let served = state.loaded?[subnet]?.header,
        let address = Self.offer(to: mac, in: subnet, state, requesting: requested)
      else { return nil }
      let until = state.now.advanced(bySeconds: Int64(served.leaseSeconds))
      for (place, lease) in state.leases where lease.mac == mac && place.subnet == subnet { state.leases[place] = nil }
      state.leases[SubnetAddress(subnet: subnet, address: address)] = Lease(
        dhcpID: subnet, mac: mac, address: address, until: until)
      return address
    }
  }

  private static func offer(
    to mac: MACAddress, in id: DHCPSubnetID, _ state: State, requesting requested: IPv4Address? = nil
  ) -> IPv4Address? {
    guard state.isRunning, !state.isPaused, let subnet = state.loaded?[id], subnet.answersDHCP else { return nil }
    func isFree(_ address: IPv4Address) -> Bool {
      guard let lease = state.leases[SubnetAddress(subnet: id, address: address)] else { return true }
      return lease.mac == mac || lease.until <= state.now
    }
    if let reserved = subnet.binding(of: mac)?.address, isFree(reserved) { return reserved }
    let reserved = Set(subnet.bindings.compactMap(\.address))
    // A machine keeps what it has of the pool; else it gets what it asks for, if that is free.
    let held = state.leases.values.filter { $0.dhcpID == id && $0.mac == mac && $0.until > state.now }.map(\.address).min()
    for address in [held, requested].compactMap({ $0 })
    where subnet.header.pool.contains(address) && isFree(address) && !reserved.contains(address) {
      return address
    }
    for range in subnet.header.pool.ranges {
      var candidate: IPv4Address? = range.first
      while let address = candidate, address <= range.last {
        if isFree(address), !reserved.contains(address) { return address }
        candidate = address.next
      }
    }
    return nil
  }
}
