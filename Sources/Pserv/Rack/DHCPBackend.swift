package import Provisioning

/// A DHCP daemon of this rack, and the only way this agent touches it. Kea is one implementation, the memory daemon of
/// the tests and of the simulation the other.
///
/// The agent calls one method at a time, in the order of a plan; a back end keeps no opinion on what should be served.
/// Every method may fail by throwing; it then leaves the daemon and the installed file as they were unless it says
/// otherwise. A call that does not come back within its own named bound throws.
package protocol DHCPBackend: Sendable {
  /// Identifies what the daemon would be told for `state`: equal exactly if the configuration files are equal. Must not
  /// depend on anything but `state`, the back end's fixed settings and its version.
  func fingerprint(of state: RackState) throws -> ConfigurationFingerprint

  /// What is installed and what runs. Adopts a daemon that an earlier life of this agent left running.
  func inspect() async throws -> DHCPInspection

  /// Asks a scratch copy of the daemon whether it takes `state`. Touches neither the installed file nor the running
  /// daemon.
  func validate(_ state: RackState) async throws -> ConfigurationVerdict

  /// Lets a scratch copy of the daemon, in a private network with links of the same names and addresses, go from `good` to
  /// `state`, and asks it for an offer in each subnet. Touches neither the installed file nor the running daemon.
  func rehearse(_ state: RackState, from good: RackState) async throws -> Rehearsal

  /// Writes `state` beside the installed file and syncs it; replaces what was staged before.
  func stage(_ state: RackState) async throws

  /// Lets the daemon's checker read the staged file.
  func validateStaged() async throws -> ConfigurationVerdict

  /// Renames the staged file over the installed one and syncs the directory.
  func install() async throws

  /// Makes the daemon answer nobody, for at most `DHCPLimits.pauseMax` should nobody call `resume`. A daemon that does
  /// not run is paused.
  func pause() async throws

  /// Ends `pause`.
  func resume() async throws

  /// Removes leases from the running daemon; one that is not there is no error. The daemon must run.
  func delete(_ leases: [Lease]) async throws

  /// Makes the running daemon hold `leases`, instead of what it holds on their addresses. Their subnets must be part of
  /// what it has loaded.
  func adopt(_ leases: [Lease]) async throws

  /// Brings the running daemon to the installed file; starts it if it does not run. `silence` in the answer is measured
  /// or estimated. A `pause` outlives the reload.
  func reload() async throws -> Duration

  /// Stops the daemon and starts it on the installed file: the way out for a daemon that is deaf or too fat.
  func restart() async throws

  /// Stops the daemon. What was installed stays.
  func stop() async throws

  /// Asks the daemon for an offer on behalf of a known binding without taking a lease.
  func probe(_ target: ProbeTarget) async throws -> ProbeVerdict

  /// Installs the configuration of `state` and restarts the daemon on it, which ends a pause; if `state` answers nobody,
  /// stops the daemon.
  func restore(_ state: RackState) async throws

  /// The leases of `subnets` that are now in force, in no particular order. At most `DHCPLimits.leasesMax`.
  func leases(in subnets: [DHCPSubnetID]) async throws -> [Lease]

  /// Whether another DHCP server answers on `interface`: its address. `agentAddress` and the daemon's own answers do
  /// not count.
  func foreignServer(on attachment: Attachment) async throws -> IPv4Address?

  /// Supervises the daemon for as long as the agent runs: restarts it when it dies on the installed file, reports
  /// leases to the sink it was made with. Ends by cancellation; the daemon then stops or stays as `DaemonsAtExit` says.
  func run() async throws
}

/// Bounds every back end keeps.
package enum DHCPLimits {
  /// How long a paused daemon stays silent should the agent die meanwhile.
  package static let pauseMax: Duration = .seconds(20)
  /// Leases the daemon is told in one pause; then the pause is begun anew, so that it does not end meanwhile.
  package static let adoptedInOnePause = 1_000
  /// Leases read at once.
  package static let leasesMax = 1_000_000
}

/// Identifies one configuration of a daemon: a hash of its bytes. Persisted inside the installed file.
package struct ConfigurationFingerprint: Sendable, Hashable, CustomStringConvertible {
  /// Printable ASCII, at most 64 octets.
  package var text: String

  package init(_ text: String) {
    self.text = text
  }

  package var description: String { text }
}

/// The state of a daemon as a back end sees it.
package struct DHCPInspection: Sendable, Hashable {
  /// Of the installed file; `nil` if there is none or it is not ours.
  package var installed: ConfigurationFingerprint?
  /// Of what the running daemon works by; `nil` if it does not run or cannot say. It may differ from `installed`: the
  /// agent died between writing and reloading, or the daemon kept its old configuration.
  package var loaded: ConfigurationFingerprint?
  package var isRunning: Bool
  /// Memory of the daemon, octets; 0 when unknown.
  package var memoryBytes: UInt64

  package init(
    installed: ConfigurationFingerprint? = nil, loaded: ConfigurationFingerprint? = nil, isRunning: Bool = false,
    memoryBytes: UInt64 = 0
  ) {
    self.installed = installed
    self.loaded = loaded
    self.isRunning = isRunning
    self.memoryBytes = memoryBytes
  }
}

/// What a daemon's checker said.
package enum ConfigurationVerdict: Sendable, Hashable {
  case accepted
  /// The daemon's own words, at most 512 octets.
  case refused(String)
}

/// What came of a rehearsal.
package enum Rehearsal: Sendable, Hashable {
  /// Every subnet was answered.
  case answered
  /// The scratch daemon did not take the state, or answered nobody in some subnet; the words say which, at most 512 octets.
  case failed(String)
  /// There is no scratch daemon to be had; the words say why.
  case notPossible(String)
}

/// One address in use.
package struct Lease: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var mac: MACAddress
  package var address: IPv4Address
  package var until: Timestamp

  package init(dhcpID: DHCPSubnetID, mac: MACAddress, address: IPv4Address, until: Timestamp) {
    self.dhcpID = dhcpID
    self.mac = mac
    self.address = address
    self.until = until
  }
}

/// A binding whose offer proves that the daemon answers, and answers right.
package struct ProbeTarget: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var mac: MACAddress
  package var address: IPv4Address
  package var attachment: Attachment
  /// The relay whose `giaddr` to use for a relayed subnet.
  package var relay: IPv4Address?

  package init(
    dhcpID: DHCPSubnetID, mac: MACAddress, address: IPv4Address, attachment: Attachment, relay: IPv4Address?
  ) {
    self.dhcpID = dhcpID
    self.mac = mac
    self.address = address
    self.attachment = attachment
    self.relay = relay
  }
}

/// What came of a probe.
package enum ProbeVerdict: Sendable, Hashable {
  /// The expected address was offered after this time.
  case answered(Duration)
  /// Another address was offered.
  case wrongAddress(IPv4Address)
  /// No answer within the configured time, although the link is up.
  case deaf
  /// Nothing was asked; the words say why: "link eno2 is down".
  case notPossible(String)
}

/// What happens to the daemons when the agent ends on purpose.
package enum DaemonsAtExit: Sendable, Hashable {
  case stop, keep
}
