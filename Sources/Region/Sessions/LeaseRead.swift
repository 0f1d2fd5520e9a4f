internal import Provisioning
internal import Wire

/// One short read of the leases that a subnet's new owner has to know before it answers.
struct LeaseRead: Sendable, Hashable {
  var dhcpID: DHCPSubnetID
  /// Of the owner that is told.
  var epoch: Epoch
  var from: IPv4Address
  /// Leases that were sent before.
  var sent = 0

  /// Leases of one read and of one message; 250 KiB of them.
  static let leasesMax = 10_000
  /// Leases of one subnet, as session.proto says.
  static let setMax = 262_144
}

/// What one read found, in the wire's words.
struct LeasePart: Sendable {
  var leases: [MusterV1.LeaseLeft]
  /// Where the next read begins; nil at the end.
  var next: IPv4Address?
}
