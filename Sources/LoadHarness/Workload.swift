internal import RPC
internal import Wire

/// What a load run does: a number of operations that start at fixed instants (`Arrivals`), whether or not earlier ones
/// have ended.
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
  /// Operations started a second, in the mean; 1 to `rateMax`.
  package var rate: Int
  package var pattern: Arrivals.Pattern
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
    operation: Operation, count: Int, rate: Int, pattern: Arrivals.Pattern = .even, subnet: String,
    prefix: String = "load", firstMAC: UInt64 = Workload.firstMACDefault
  ) {
    self.operation = operation
    self.count = count
    self.rate = rate
    self.pattern = pattern
    self.subnet = subnet
    self.prefix = prefix
    self.firstMAC = firstMAC
  }

  /// Why no run can be made of it, in words that name the option; nil if one can.
  package var problem: String? {
    if !(1...Self.countMax).contains(count) { return "--count: write 1 to \(Self.countMax)" }
    if !(1...Self.rateMax).contains(rate) { return "--rate: write 1 to \(Self.rateMax)" }
    return nil
  }

  package var arrivals: Arrivals { Arrivals(rate: rate, pattern: pattern) }

  package func name(of index: Int) -> String { "\(prefix)\(index)" }

  package func mac(of index: Int) -> String {
    let value = firstMAC + UInt64(index)
    return stride(from: 40, through: 0, by: -8).map { shift in
      let octet = (value >> UInt64(shift)) & 0xFF
      return (octet < 16 ? "0" : "") + String(octet, radix: 16)
    }.joined(separator: ":")
  }
}

extension Workload {
  /// One operation as the region gets it.
  enum Request: Sendable, Hashable {
    case create(MusterV1.CreateNodeRequest)
    case update(MusterV1.UpdateNodeRequest)
    case delete(MusterV1.DeleteNodeRequest)
    case get(MusterV1.GetNodeRequest)
  }

  /// The request of operation `index`; of every run with this workload the same.
  func request(_ index: Int) -> Request {
    let name = name(of: index)
    switch operation {
    case .add:
      return .create(.init(node: node(index, address: "auto")))
    case .tag:
      return .update(
        .init(
          node: MusterV1.Node(name: name, tags: ["load-\(index % Self.tagsMax)"]),
          updateMask: GoogleProtobuf.FieldMask(paths: ["tags"])))
    case .move:
      return .update(
        .init(node: node(index, address: "dynamic"), updateMask: GoogleProtobuf.FieldMask(paths: ["interfaces"])))
    case .remove:
      return .delete(.init(name: name))
    case .get:
      return .get(.init(name: name))
    }
  }

  private func node(_ index: Int, address: String) -> MusterV1.Node {
    let interface = MusterV1.NetworkInterface(
      name: "eth0", mac: mac(of: index), subnet: subnet, address: address, boot: true)
    return MusterV1.Node(name: name(of: index), interfaces: [interface])
  }

  /// Different tags that one run gives.
  private static let tagsMax = 7
}
