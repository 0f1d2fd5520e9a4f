/// The leases that the former owner of a subnet left behind, on their way into this agent's daemon.
///
/// Without them the daemon would take every address of the pool for free.
package enum Handover: Sendable, Hashable {
  /// The region said that they follow. Until they are here the subnet is left as it is: off, if it does not answer.
  case awaited
  /// One an address, ascending. Kept until the daemon has them.
  case received([Lease])

  /// Leases of one set; as `LeaseSet` in session.proto says.
  package static let leasesMax = 262_144
}
