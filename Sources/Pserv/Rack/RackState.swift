package import Provisioning

/// What one agent serves, or is asked to serve, at one moment: a pure value, the input of every back end.
///
/// The order is part of the value, so that the same state renders to the same bytes: subnets ascend by `dhcpID`, the
/// bindings of a subnet by MAC.
package struct RackState: Sendable, Hashable {
  /// Ascending by `dhcpID`, each once.
  package private(set) var subnets: [ServedSubnet]
  /// What machines boot into; by name.
  package var profiles: BootProfiles

  package static let empty = RackState()

  package init(subnets: [ServedSubnet] = [], profiles: BootProfiles = .builtIn) {
    self.subnets = subnets.sorted { $0.dhcpID < $1.dhcpID }
    self.profiles = profiles
  }

  /// The subnets whose machines DHCP answers; a back end writes these and no others.
  package var answering: [ServedSubnet] { subnets.filter(\.answersDHCP) }

  /// - Complexity: O(log n) in the number of subnets.
  package subscript(_ id: DHCPSubnetID) -> ServedSubnet? {
    get {
      let index = position(of: id)
      return index < subnets.count && subnets[index].dhcpID == id ? subnets[index] : nil
    }
    set {
      let index = position(of: id)
      let isPresent = index < subnets.count && subnets[index].dhcpID == id
      switch (isPresent, newValue) {
      case (true, let subnet?): subnets[index] = subnet
      case (true, nil): subnets.remove(at: index)
      case (false, let subnet?): subnets.insert(subnet, at: index)
      case (false, nil): break
      }
    }
  }

  private func position(of id: DHCPSubnetID) -> Int {
    var low = 0
    var high = subnets.count
    while low < high {
      let middle = (low + high) / 2
      if subnets[middle].dhcpID < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// One subnet as its owner serves it.
package struct ServedSubnet: Sendable, Hashable {
  package var header: SubnetHeader
  /// The ownership under which the agent acts.
  package var epoch: Epoch
  /// The newest change of the feed that is in `bindings` or `header`.
  package var generation: Generation
  /// Where the subnet's machines are reached; `nil` while no link of this host fits.
  package var attachment: Attachment?
  /// Whether DHCP answers: the operator turned it on, a link is there, no foreign server was found.
  package var answersDHCP: Bool
  /// Ascending by MAC, each once. Rows the agent rejected are not among them.
  package var bindings: [Binding]

  package init(
    header: SubnetHeader, epoch: Epoch, generation: Generation, attachment: Attachment?,
    answersDHCP: Bool, bindings: [Binding]
  ) {
    self.header = header
    self.epoch = epoch
    self.generation = generation
    self.attachment = attachment
    self.answersDHCP = answersDHCP
    self.bindings = bindings
  }

  /// The subnet's permanent number, also Kea's.
  package var dhcpID: DHCPSubnetID { header.dhcpID }

  /// - Complexity: O(log n) in the number of bindings.
  package func binding(of mac: MACAddress) -> Binding? {
    var low = 0
    var high = bindings.count
    while low < high {
      let middle = (low + high) / 2
      if bindings[middle].mac < mac { low = middle + 1 } else { high = middle }
    }
    return low < bindings.count && bindings[low].mac == mac ? bindings[low] : nil
  }
}

/// The interface through which a subnet's machines are reached.
package struct Attachment: Sendable, Hashable {
  /// As the kernel and the agent's configuration name it, at most 15 octets: `eno2`.
  package var interface: String
  /// The agent's own address there: next server, server identifier, host of the boot script's URL.
  package var agentAddress: IPv4Address
  /// Whether requests come through relays (`giaddr`) instead of from the link itself.
  package var isRelayed: Bool

  package init(interface: String, agentAddress: IPv4Address, isRelayed: Bool) {
    self.interface = interface
    self.agentAddress = agentAddress
    self.isRelayed = isRelayed
  }
}

/// The boot profiles an agent knows, with the revision of the set.
package struct BootProfiles: Sendable, Hashable {
  package var revision: UInt64
  package var byName: [ProfileName: BootProfileSpec]

  /// What an agent knows before a region told it anything. Without a kernel of its own, `enlist` is the loader
  /// telling what it knows of its machine.
  package static let builtIn = BootProfiles(
    revision: 0,
    byName: [
      .local: BootProfileSpec(name: .local, kind: .local),
      .enlist: BootProfileSpec(name: .enlist, kind: .local),
    ])

  package init(revision: UInt64, byName: [ProfileName: BootProfileSpec]) {
    self.revision = revision
    self.byName = byName
  }

  /// Every kernel and initrd that some profile names, ascending by path, each once.
  package var paths: [BootPath] {
    Set(byName.values.compactMap(\.kind.image).flatMap { [$0.kernel] + $0.initrds }).sorted { $0.text < $1.text }
  }
}
