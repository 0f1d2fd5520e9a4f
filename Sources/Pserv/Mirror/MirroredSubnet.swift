package import Provisioning

/// One subnet as the agent remembers it: who owns it, what the region said, what is served.
package struct MirroredSubnet: Sendable, Hashable {
  package let dhcpID: DHCPSubnetID
  package var name: SubnetName
  /// The newest ownership ever heard of. Persisted before anything acts on it; older ones are refused for ever.
  package var epochMax: Epoch
  /// Whether `epochMax` is this agent's.
  package var isOwned: Bool
  package var received: ReceivedFeed
  /// What is served; `nil` before the first apply and after a revocation was carried out.
  package var applied: AppliedSubnet?
  /// A foreign DHCP server that keeps the subnet off.
  package var block: ForeignBlock?
  /// What the former owner left; `nil` when the daemon has it, or there was none.
  package var handover: Handover?

  package init(dhcpID: DHCPSubnetID, name: SubnetName, epochMax: Epoch, isOwned: Bool) {
    self.dhcpID = dhcpID
    self.name = name
    self.epochMax = epochMax
    self.isOwned = isOwned
    received = ReceivedFeed()
  }
}

/// The rows of one subnet at one generation, complete and proven by their digest.
package struct ReceivedFeed: Sendable, Hashable {
  /// Which life of the region's database the rows come from, 16 octets; empty before the first commit.
  package var incarnation: [UInt8] = []
  package var generation: Generation = .zero
  /// Over `header` and `bindings`.
  package var digest: SubnetDigest = .zero
  package var header: SubnetHeader?
  package var headerGeneration: Generation = .zero
  /// Ascending by MAC.
  package var bindings: [Binding] = []
}

/// What is served of one subnet, and what an `Applied` says about it.
package struct AppliedSubnet: Sendable, Hashable {
  /// Without the rejected bindings; with the epoch and generation they were applied at.
  package var subnet: ServedSubnet
  package var incarnation: [UInt8]
  /// Of all desired rows, the rejected ones included.
  package var digest: SubnetDigest
  package var headerGeneration: Generation
  /// The full set at this generation, ascending by MAC.
  package var rejected: [RejectedBinding]
  /// Leases that outlived their binding or the pool, ascending by address; repeated until they end, because an `Applied`
  /// may be lost. At most `leasesLeftMax`.
  package private(set) var leasesLeft: [Lease]
  /// When the last lease ends that did not fit into `leasesLeft`.
  package private(set) var leasesMoreUntil: Timestamp?

  /// What one `Applied` names.
  package static let leasesLeftMax = 10_000

  /// Leases past the bound are remembered by the latest end among them only.
  package init(
    subnet: ServedSubnet, incarnation: [UInt8], digest: SubnetDigest, headerGeneration: Generation,
    rejected: [RejectedBinding], leasesLeft: [Lease], leasesMoreUntil: Timestamp? = nil
  ) {
    self.subnet = subnet
    self.incarnation = incarnation
    self.digest = digest
    self.headerGeneration = headerGeneration
    self.rejected = rejected
    self.leasesLeft = Array(leasesLeft.prefix(Self.leasesLeftMax))
    let cut = leasesLeft.dropFirst(Self.leasesLeftMax).map(\.until).max()
    self.leasesMoreUntil = [leasesMoreUntil, cut].compactMap { $0 }.max()
  }
}

/// A binding in quarantine.
package struct RejectedBinding: Sendable, Hashable {
  package var binding: Binding
  package var reason: RejectionReason

  package init(binding: Binding, reason: RejectionReason) {
    self.binding = binding
    self.reason = reason
  }
}

/// Why a binding is not served.
package struct RejectionReason: Sendable, Hashable {
  package var code: Code
  /// For people, at most `octetsMax` octets.
  package var words: String

  package static let octetsMax = 512

  package init(_ code: Code, _ words: String) {
    self.code = code
    self.words = printable(words, octetsMax: Self.octetsMax - 3)
  }

  /// Stable; operators and programs match on it.
  package enum Code: String, Sendable, Hashable, CaseIterable {
    case addressOutsideSubnet = "ADDRESS_OUTSIDE_SUBNET"
    case addressReserved = "ADDRESS_RESERVED"
    case addressInPool = "ADDRESS_IN_POOL"
    case addressTaken = "ADDRESS_TAKEN"
    /// The DHCP server's checker refused it; the words are the server's.
    case refusedByServer = "REFUSED_BY_SERVER"
    /// The search for offenders ended at its bound before this binding was cleared; the next apply goes on with it.
    case unresolved = "UNRESOLVED"
  }
}

/// A foreign DHCP server that was found before DHCP started on the subnet's link.
package struct ForeignBlock: Sendable, Hashable {
  package var server: IPv4Address
  /// The header the check was made for; a newer one, which is how an operator says "again", checks again.
  package var headerGeneration: Generation

  package init(server: IPv4Address, headerGeneration: Generation) {
    self.server = server
    self.headerGeneration = headerGeneration
  }
}
