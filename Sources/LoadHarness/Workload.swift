/// What a load run does: a number of operations that start at fixed instants, whether or not earlier ones have
/// ended. An open loop: a slow region does not slow its own load down and so hide how slow it is.
package struct Workload: Sendable, Hashable {
  /// What one operation is.
  package enum Operation: String, Sendable, Hashable, CaseIterable {
    /// Adds the node with this operation's index.
    case add
    /// Changes its tags: a write that no rack has to apply.
    case tag
    /// Makes its address dynamic: a write that its rack has to apply.
    case move
    /// Removes it.
    case remove
    /// Reads it.
    case get
  }

  package var operation: Operation
  /// Operations in all, 1 to `countMax`.
  package var count: Int
  /// Operations started a second, 1 to `rateMax`.
  package var rate: Int
  /// Subnet the nodes belong to.
  package var subnet: String
  /// Names are this and the index; the MACs are derived from the index.
  package var prefix: String
  /// First MAC, 48 bits; a unicast, locally administered one by default.
  package var firstMAC: UInt64

  package static let countMax = 10_000_000
  package static let rateMax = 1_000_000
  /// 02:6c:00:00:00:00.
  package static let firstMACDefault: UInt64 = 0x026C_0000_0000

  package init(
    operation: Operation, count: Int, rate: Int, subnet: String, prefix: String = "load",
    firstMAC: UInt64 = Workload.firstMACDefault
  ) {
    self.operation = operation
    self.count = count
    self.rate = rate
    self.subnet = subnet
    self.prefix = prefix
    self.firstMAC = firstMAC
  }

  /// When operation `index` starts, from the start of the run.
  package func start(of index: Int) -> Duration {
    .nanoseconds(Int64(index) * 1_000_000_000 / Int64(rate))
  }

  package func name(of index: Int) -> String { "\(prefix)\(index)" }

  package func mac(of index: Int) -> String {
    let value = firstMAC + UInt64(index)
    return stride(from: 40, through: 0, by: -8).map { shift in
      let octet = (value >> UInt64(shift)) & 0xFF
      return (octet < 16 ? "0" : "") + String(octet, radix: 16)
    }.joined(separator: ":")
  }
}
