internal import Glibc
package import Logging
package import Provisioning
internal import Synchronization

/// Watches the served links for machines on their way up and tells the sink.
///
/// A packet socket and not the daemons' logs: it also hears machines that nobody answers ("no DISCOVER seen from any of
/// its MACs" is a diagnosis), costs nothing at the daemons, and does not depend on their wording. The kernel hands over
/// DHCP and TFTP requests only.
package struct BootWatcher: Sendable {
  private let interfaces: [String]
  private let links: any LinkSource
  private let view: AppliedView
  private let holder: @Sendable (IPv4Address) -> Lease?
  private let observations: any ObservationSink
  private let namespace: NetworkNamespace
  private let clock: any Timekeeper
  private let logger: Logger

  /// An interface that is not there, or went away, is looked for again after this.
  private static let reopenInterval: Duration = .seconds(1)

  /// - Parameters:
  ///   - interfaces: The links of the agent's configuration, and no others.
  ///   - holder: Who holds an address by the lease database.
  package init(
    interfaces: [String], links: any LinkSource, view: AppliedView,
    holder: @escaping @Sendable (IPv4Address) -> Lease?, observations: any ObservationSink,
    namespace: NetworkNamespace = .own, logger: Logger, clock: any Timekeeper
  ) {
    self.interfaces = interfaces
    self.links = links
    self.view = view
    self.holder = holder
    self.observations = observations
    self.namespace = namespace
    self.clock = clock
    self.logger = logger
  }

  /// Watches until cancelled.
  package func run() async throws {
    let addresses = Addresses()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await links.watch {
          do { addresses.replace(by: try links.links(of: interfaces)) } catch {
            logger.warning("links cannot be read", metadata: ["error": "\(error)"])
          }
        }
      }
      for interface in interfaces {
        group.addTask { try await watch(interface, addresses) }
      }
      try await group.next()
      group.cancelAll()
    }
  }

  private func watch(_ interface: String, _ addresses: Addresses) async throws {
    while true {
      do {
        let socket = try PacketSocket(interface: interface, in: namespace)
        try await watch(socket, addresses)
      } catch let error as SystemError {
        logger.debug("link cannot be watched", metadata: ["interface": "\(interface)", "error": "\(error)"])
      }
      try await Task.sleep(for: Self.reopenInterval)
    }
  }

  private func watch(_ socket: PacketSocket, _ addresses: Addresses) async throws {
    var trace = BootTrace()
    while try await socket.waitForFrame() {
      let own = addresses.of(socket.interface)
      while let captured = try socket.receive() {
        guard let sighting = trace.sighting(in: captured, ownAddresses: own, at: .now) else { continue }
        tell(sighting, own)
      }
    }
  }

  private func tell(_ sighting: BootSighting, _ own: [IPv4Address]) {
    let mac: MACAddress
    switch sighting.machine {
    case .hardware(let hardware): mac = hardware
    case .address(let address, let heardFrom): mac = holder(address)?.mac ?? heardFrom
    }
    for address in own {
      let place: ServedPlace
      switch view.answer(to: mac, at: address, relay: sighting.relay) {
      case .known(let machine): place = machine.place
      case .unknown(_, let served): place = served
      case .notServed: continue
      }
      return observations.record(
        BootObservation(
          dhcpID: place.dhcpID, mac: mac, stage: sighting.stage, time: clock.wall, failure: sighting.failure))
    }
  }

  private final class Addresses: Sendable {
    private let links = Mutex<[String: [IPv4Address]]>([:])

    func replace(by states: [LinkState]) {
      let next = Dictionary(states.map { ($0.interface, $0.addresses.map(\.address)) }) { first, _ in first }
      links.withLock { $0 = next }
    }

    func of(_ interface: String) -> [IPv4Address] { links.withLock { $0[interface] ?? [] } }
  }
}
