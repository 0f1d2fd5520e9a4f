package import Provisioning
internal import Synchronization

/// What boot answers read: the state that DHCP serves now, not the one that is on its way.
///
/// Writers swap the whole index at once, readers see the old or the new one. Safe from any thread; a look takes one
/// uncontended lock and a dictionary.
package final class AppliedView: Sendable {
  private let index: Mutex<Index>

  private struct Index {
    var machines: [MACAddress: [Machine]] = [:]
    var subnets: [ServedPlace] = []
    var profiles = BootProfiles.builtIn
    /// For each binding with a boot-once that was used up: its token.
    var usedUp: [BindingKey: UInt64] = [:]
  }

  private struct Machine {
    var binding: Binding
    var place: ServedPlace
    /// In quarantine: known, and served nothing but its own disk.
    var isRejected = false
  }

  package init() {
    index = Mutex(Index())
  }

  /// What to answer the machine `mac` that asked at our address `localAddress`.
  ///
  /// With the same MAC in two isolated fabrics the address decides.
  ///
  /// - Parameter relay: The relay (`giaddr`) through which it asked, if one is known. It tells whose subnet a machine is in
  ///   that nobody knows: several may be reached at one address.
  package func answer(to mac: MACAddress, at localAddress: IPv4Address, relay: IPv4Address? = nil) -> BootAnswer {
    index.withLock { index in
      let machines = index.machines[mac] ?? []
      if let machine = machines.first(where: { $0.place.agentAddress == localAddress }) ?? machines.first {
        return .known(Self.boot(machine, in: index))
      }
      let here = index.subnets.filter { $0.agentAddress == localAddress }
      let place: ServedPlace?
      if let relay {
        place = here.first { $0.relays.contains(relay) } ?? here.first { $0.prefix.contains(relay) }
      } else {
        place = here.first { $0.prefix.contains(localAddress) } ?? here.first
      }
      guard let place else { return .notServed }
      guard let enlist = index.profiles.byName[.enlist] else { return .notServed }
      return .unknown(enlist, place)
    }
  }

  /// The addresses at which HTTP may answer: those of served links, ascending.
  package var agentAddresses: [IPv4Address] {
    index.withLock { Set($0.subnets.map(\.agentAddress)).sorted() }
  }

  /// The profiles that scripts may name; the HTTP edge serves no other files than theirs.
  package var profiles: BootProfiles { index.withLock { $0.profiles } }

  /// Replaces everything. Only the agent's core calls it.
  ///
  /// - Parameter rejected: Bindings in quarantine. Their machines are known and boot their disk: a node must not enlist
  ///   itself anew because its address was refused.
  package func swap(to state: RackState, rejected: [Binding] = [], usedUp: [BootOnceUse]) {
    var next = Index()
    next.profiles = state.profiles
    for subnet in state.subnets {
      guard let attachment = subnet.attachment else { continue }
      let place = ServedPlace(
        dhcpID: subnet.dhcpID, subnet: subnet.header.name, agentAddress: attachment.agentAddress,
        prefix: subnet.header.prefix, relays: subnet.header.relays)
      next.subnets.append(place)
      for binding in subnet.bindings {
        next.machines[binding.mac, default: []].append(Machine(binding: binding, place: place))
      }
      for binding in rejected where binding.subnet == subnet.dhcpID {
        next.machines[binding.mac, default: []].append(Machine(binding: binding, place: place, isRejected: true))
      }
    }
    for use in usedUp { next.usedUp[use.key] = use.token }
    index.withLock { $0 = next }
  }

  /// Notes that a boot-once was used up, between two swaps.
  package func use(_ use: BootOnceUse) {
    index.withLock { $0.usedUp[use.key] = use.token }
  }

  private static func boot(_ machine: Machine, in index: Index) -> KnownMachine {
    let binding = machine.binding
    guard !machine.isRejected else {
      return KnownMachine(
        binding: binding, place: machine.place, profileName: .local, profile: index.profiles.byName[.local])
    }
    let usedUp = index.usedUp[binding.key]
    let name = binding.profile(usedUp: usedUp)
    let once = binding.bootProfile == nil ? nil : binding.bootOnce.flatMap { $0.token == usedUp ? nil : $0.token }
    return KnownMachine(
      binding: binding, place: machine.place, profileName: name, profile: index.profiles.byName[name],
      once: once.map { BootOnceUse(key: binding.key, token: $0) })
  }
}

/// The answer to a machine that asks what to boot.
package enum BootAnswer: Sendable, Hashable {
  case known(KnownMachine)
  /// A machine without a binding on a served link boots into the `enlist` profile, and gets nothing else.
  case unknown(BootProfileSpec, ServedPlace)
  case notServed
}

/// A subnet as a boot answer needs it.
package struct ServedPlace: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var subnet: SubnetName
  package var agentAddress: IPv4Address
  package var prefix: IPv4Prefix
  package var relays: [IPv4Address]

  package init(
    dhcpID: DHCPSubnetID, subnet: SubnetName, agentAddress: IPv4Address, prefix: IPv4Prefix, relays: [IPv4Address] = []
  ) {
    self.dhcpID = dhcpID
    self.subnet = subnet
    self.agentAddress = agentAddress
    self.prefix = prefix
    self.relays = relays
  }
}

/// A machine with a binding, and what it boots now.
package struct KnownMachine: Sendable, Hashable {
  package var binding: Binding
  package var place: ServedPlace
  /// Boot-once taken into account.
  package var profileName: ProfileName
  /// `nil` if the agent does not have the profile: answer with the local disk and record a failure of the script stage.
  package var profile: BootProfileSpec?
  /// The order to boot once that `profileName` carries out.
  package var once: BootOnceUse?
}

/// A boot-once that phone-home used up. It stays used up until the operator gives another.
package struct BootOnceUse: Sendable, Hashable {
  package var key: BindingKey
  /// Of the order that was used up.
  package var token: UInt64

  package init(key: BindingKey, token: UInt64) {
    self.key = key
    self.token = token
  }
}
