internal import Provisioning
internal import Pserv

/// Sees all DHCP daemons at once, which nobody in a real cluster can, and judges what machines are given.
final class Oracle {
  private let world: World
  private var daemons: [RackDaemon] = []
  private var grants: [SubnetAddress: Grant] = [:]
  /// The newest ownership that any daemon ever answered for.
  private var newest: [DHCPSubnetID: (epoch: Epoch, by: RackDaemon)] = [:]
  private(set) var grantCount = 0
  /// Who had an address that operators passed on: within one transaction that takes no hold, and each former holder uses
  /// the address until it renews.
  private var passedOn: [IPv4Address: Set<MACAddress>] = [:]

  private struct Grant {
    var mac: MACAddress
    /// By the true clock.
    var until: Duration
    /// Who remembers it: who gave it, or took it over.
    var daemon: RackDaemon
    /// By that daemon's clock.
    var ends: Timestamp

    var hasEndedByItsDaemon: Bool { ends <= daemon.wall }
  }

  init(_ world: World) {
    self.world = world
  }

  func watch(_ daemon: RackDaemon) {
    daemons.append(daemon)
  }

  /// An operator takes addresses from machines and gives them to others in one transaction.
  func willPassOn(_ holders: [IPv4Address: MACAddress]) {
    for (address, holder) in holders { passedOn[address, default: []].insert(holder) }
  }

  /// The transaction was refused.
  func didNotPassOn(_ holders: [IPv4Address: MACAddress]) {
    for (address, holder) in holders { passedOn[address]?.remove(holder) }
  }

  /// Something about who answers has changed.
  func look() {
    var servers: [DHCPSubnetID: String] = [:]
    for daemon in daemons {
      for subnet in daemon.answering {
        if let other = servers.updateValue(daemon.name, forKey: subnet.dhcpID) {
          world.violate(.oneServerPerSubnet, "\(other) and \(daemon.name) answer for \(subnet.header.name)")
        }
        // The same owner may fall back to its last good configuration, of an epoch that was its own too.
        if let known = newest[subnet.dhcpID], subnet.epoch <= known.epoch {
          guard known.by !== daemon else { continue }
          world.violate(
            .newestEpochServes,
            "\(daemon.name) answers for \(subnet.header.name) at \(subnet.epoch), after \(known.by.name) at \(known.epoch)")
        }
        newest[subnet.dhcpID] = (subnet.epoch, daemon)
      }
    }
  }

  /// A daemon was told of leases that others gave.
  func adopted(_ leases: [Lease], by daemon: RackDaemon) {
    for lease in leases {
      let place = SubnetAddress(subnet: lease.dhcpID, address: lease.address)
      guard let grant = grants[place], grant.mac == lease.mac else { continue }
      grants[place] = Grant(mac: grant.mac, until: grant.until, daemon: daemon, ends: lease.until)
    }
  }

  /// A machine was given an address. A lease of another machine is in force until its time is over by the true clock, or
  /// by the clock of the daemon that remembers it: Kea judges by its host's wall clock, whatever Muster does.
  func granted(_ place: SubnetAddress, to mac: MACAddress, for lease: Duration, by daemon: RackDaemon) {
    grantCount += 1
    world.note(daemon.name, "gives \(place.address) to \(mac) for \(lease.components.seconds) s")
    if let old = grants[place], old.mac != mac, old.until > world.now, !old.hasEndedByItsDaemon,
      passedOn[place.address]?.contains(old.mac) != true
    {
      world.violate(
        .oneMachinePerAddress,
        "\(daemon.name) gives \(place.address) to \(mac), \(old.daemon.name) gave it to \(old.mac) until \(Trace.text(old.until))")
    }
    // A machine has one address on a link: with another one, from whomever, it stops using the one before (RFC 2131
    // §4.4.1), and that is anybody's. A daemon that has stopped meanwhile never hears of it, and its lease file says
    // otherwise for ever.
    grants = grants.filter { $0.value.mac != mac || $0.key.subnet != place.subnet }
    grants[place] = Grant(
      mac: mac, until: world.now + lease, daemon: daemon, ends: daemon.wall.advanced(bySeconds: lease.components.seconds))
  }
}
