package import Provisioning

/// What the region knows about one node at the moment somebody asks why it does not boot.
///
/// Gathered in one read of the store and one look at the sessions; what follows from it is decided by
/// `findings()` alone, so every line that an operator can see has a test without a network.
package struct ExplainFacts: Sendable, Hashable {
  package var now: Timestamp
  package var node: NodeName
  package var isNew: Bool
  /// The profile its next boot takes: boot-once if set, else its own.
  package var bootProfile: ProfileName
  /// Every MAC of the node, the boot interface's first.
  package var macs: [MACAddress]
  /// The boot interface's place in the network; nil when it is attached to no subnet.
  package var place: Place?
  package var serving: Serving?
  /// What the owner said when it refused to configure this node.
  package var rejection: Words?
  /// Another machine's claim on the node's address.
  package var hold: Hold?
  /// One of the node's MACs where it does not belong, newest first.
  package var sightings: [Sighting]
  /// Files of the boot profile that the owner reported as missing, in the order the machine asks for them.
  package var missingFiles: [BootFileFact]
  /// The steps of its newest boot, oldest first.
  package var boot: [BootFact]
  /// How often the last failed step failed since the node was last changed.
  package var failures: Int
  /// Whether any of its MACs was ever seen asking for an address.
  package var wasSeen: Bool

  package init(
    now: Timestamp, node: NodeName, isNew: Bool = false, bootProfile: ProfileName = .local,
    macs: [MACAddress] = [], place: Place? = nil, serving: Serving? = nil, rejection: Words? = nil,
    hold: Hold? = nil, sightings: [Sighting] = [], missingFiles: [BootFileFact] = [],
    boot: [BootFact] = [], failures: Int = 0, wasSeen: Bool = true
  ) {
    self.now = now
    self.node = node
    self.isNew = isNew
    self.bootProfile = bootProfile
    self.macs = macs
    self.place = place
    self.serving = serving
    self.rejection = rejection
    self.hold = hold
    self.sightings = sightings
    self.missingFiles = missingFiles
    self.boot = boot
    self.failures = failures
    self.wasSeen = wasSeen
  }
}

extension ExplainFacts {
  /// Where the boot interface is meant to be.
  package struct Place: Sendable, Hashable {
    package var subnet: SubnetName
    /// Nil when its address comes from the pool.
    package var address: IPv4Address?
    package var vlan: Int?
    /// The generation of its binding.
    package var generation: Generation
    package var isDHCPEnabled: Bool
    package var poolSize: UInt64
    package var poolUsed: UInt64
    /// Agents that an operator named for the subnet; empty for any.
    package var agents: [AgentName]

    package init(
      subnet: SubnetName, address: IPv4Address?, vlan: Int? = nil, generation: Generation,
      isDHCPEnabled: Bool = true, poolSize: UInt64 = 0, poolUsed: UInt64 = 0, agents: [AgentName] = []
    ) {
      self.subnet = subnet
      self.address = address
      self.vlan = vlan
      self.generation = generation
      self.isDHCPEnabled = isDHCPEnabled
      self.poolSize = poolSize
      self.poolUsed = poolUsed
      self.agents = agents
    }
  }

  /// Who serves that subnet and how far it is.
  package struct Serving: Sendable, Hashable {
    package var agent: AgentName
    package var applied: Generation
    package var isOnline: Bool
    /// Nil when it was never seen.
    package var lastSeen: Timestamp?
    /// Why the owner does not serve the whole subnet, in its own words.
    package var trouble: Words?
    /// The directory of its boot files.
    package var bootRoot: String

    /// What it is unless an agent's configuration says otherwise (`boot.root`).
    package static let bootRootUsual = "/srv/muster/boot"

    package init(
      agent: AgentName, applied: Generation, isOnline: Bool = true, lastSeen: Timestamp? = nil,
      trouble: Words? = nil, bootRoot: String = bootRootUsual
    ) {
      self.agent = agent
      self.applied = applied
      self.isOnline = isOnline
      self.lastSeen = lastSeen
      self.trouble = trouble
      self.bootRoot = bootRoot
    }

    /// The directory a boot file belongs into, with a slash at its end.
    func bootDirectory(of file: String) -> String {
      let root = bootRoot.hasSuffix("/") ? bootRoot : bootRoot + "/"
      guard let slash = file.lastIndex(of: "/") else { return root }
      return root + file[...slash]
    }
  }

  /// A stable reason and what an agent or its DHCP server said.
  package struct Words: Sendable, Hashable {
    package var code: String
    package var message: String

    package init(code: String, message: String) {
      self.code = code
      self.message = message
    }
  }

  package struct Hold: Sendable, Hashable {
    package var address: IPv4Address
    package var mac: MACAddress
    /// Nil while nobody knows when its lease ends.
    package var until: Timestamp?

    package init(address: IPv4Address, mac: MACAddress, until: Timestamp?) {
      self.address = address
      self.mac = mac
      self.until = until
    }
  }

  package struct Sighting: Sendable, Hashable {
    package var mac: MACAddress
    package var subnet: SubnetName
    package var agent: AgentName
    package var time: Timestamp

    package init(mac: MACAddress, subnet: SubnetName, agent: AgentName, time: Timestamp) {
      self.mac = mac
      self.subnet = subnet
      self.agent = agent
      self.time = time
    }
  }

  package struct BootFileFact: Sendable, Hashable {
    package enum Role: String, Sendable, Hashable { case kernel, initrd }
    package var role: Role
    /// Below the agent's boot root.
    package var path: String

    package init(role: Role, path: String) {
      self.role = role
      self.path = path
    }
  }

  package struct BootFact: Sendable, Hashable {
    package var stage: BootStage
    package var time: Timestamp
    package var isFailed: Bool
    package var detail: String

    package init(stage: BootStage, time: Timestamp, isFailed: Bool = false, detail: String = "") {
      self.stage = stage
      self.time = time
      self.isFailed = isFailed
      self.detail = detail
    }
  }
}
