package import Provisioning

/// One thing an apply does. The order of a plan's steps is the order of their effects.
package enum Step: Sendable, Hashable {
  /// Looks for a DHCP server that is not ours on links where DHCP is about to start.
  case checkForeign([Attachment])
  /// Writes the desired configuration beside the installed one and syncs it.
  case stage
  /// Lets the daemon's checker read it.
  case validate
  /// Renames it over the installed one and syncs the directory.
  case install
  /// The daemon answers nobody until `resume`.
  case pause
  /// Deletes the leases that stand between an address and its new owner.
  case deleteLeases([ContestedAddress])
  /// Brings the daemon, started if need be, to the installed configuration.
  case reload
  /// Stops the daemon and starts it again: it has grown too fat.
  case restart
  /// Installs and loads the desired configuration without the pools of these subnets: the daemon takes leases only in
  /// subnets that it has loaded, and must give nobody an address before it knows them. Wherever a plan is cut off after
  /// this, nobody is given one.
  case loadWithoutPools([DHCPSubnetID])
  /// Tells the daemon the leases of subnets' former owners.
  case adoptLeases([Adoption])
  case resume
  /// Reads the leases of subnets that are not answered any more: their next owner needs them all.
  case collectLeases([DHCPSubnetID])
  /// Looks which leases outlived their bindings, or the pool they came from.
  case surveyLeases(Vacated)
  /// Asks the daemon for offers, to know that it answers, and answers right.
  case probe([ProbeTarget])
  /// No subnet is answered any more.
  case stop
  /// Records the desired state as applied.
  case persist
  /// Tells the region, and lets boot answers follow.
  case acknowledge
}

/// An address that goes to another machine than before.
package struct ContestedAddress: Sendable, Hashable, Comparable {
  package var place: SubnetAddress
  /// The owner from now on.
  package var owner: MACAddress

  package init(place: SubnetAddress, owner: MACAddress) {
    self.place = place
    self.owner = owner
  }

  package static func < (a: Self, b: Self) -> Bool { a.place < b.place }
}

extension Step {
  /// One word for logs and golden output.
  package var name: String {
    switch self {
    case .checkForeign: "check-foreign"
    case .stage: "stage"
    case .validate: "validate"
    case .install: "install"
    case .pause: "pause"
    case .deleteLeases: "delete-leases"
    case .reload: "reload"
    case .restart: "restart"
    case .loadWithoutPools: "load-without-pools"
    case .adoptLeases: "adopt-leases"
    case .resume: "resume"
    case .collectLeases: "collect-leases"
    case .surveyLeases: "survey-leases"
    case .probe: "probe"
    case .stop: "stop"
    case .persist: "persist"
    case .acknowledge: "acknowledge"
    }
  }
}
