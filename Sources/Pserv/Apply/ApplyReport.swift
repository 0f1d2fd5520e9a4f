package import Provisioning

/// What an apply brought about.
package struct ApplyReport: Sendable, Hashable {
  /// The subnets that are now served as desired, as they were recorded.
  package var served: [AppliedSubnet] = []
  /// Subnets of others that are not answered, ascending, with the leases their machines hold.
  package var ended: [EndedSubnet] = []
  /// The full set, also of subnets that nothing changed for.
  package var troubles: [DHCPSubnetID: Trouble] = [:]
  /// How long the daemon answered nobody; zero when it was not reloaded.
  package var silence: Duration = .zero
  /// What the probe said: "probe ok", or why there was none.
  package var probe = ""
  /// Whether the daemon was made to read a new configuration.
  package var didReload = false
  /// Whether the search for what the daemon refuses ended at its bound: the next apply goes on with it.
  package var isUnfinished = false
  /// Whether some link was left off for a reason that may pass by itself; the rest is served.
  package var mustRetry = false
  /// Set when the desired state could not be brought about for a reason that is not in the rows; to be tried again.
  package var failure: ApplyFailure?

  package init() {}
}

/// A subnet that was revoked and is no longer answered.
package struct EndedSubnet: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var epoch: Epoch
  package var generation: Generation
  /// All that are in force, ascending by address.
  package var leasesLeft: [Lease]
}

/// Why an apply ended early. What served before serves, unless `trouble` says otherwise.
package struct ApplyFailure: Error, Sendable, Hashable {
  package var trouble: Trouble
  /// Whether the daemon did not take the new configuration although its checker did, or answers nobody by it.
  package var isOfConfiguration: Bool

  package init(_ trouble: Trouble, isOfConfiguration: Bool = false) {
    self.trouble = trouble
    self.isOfConfiguration = isOfConfiguration
  }
}
