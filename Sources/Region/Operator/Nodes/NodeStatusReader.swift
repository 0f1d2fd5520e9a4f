internal import Provisioning
internal import RPC
internal import Store
internal import Wire

/// Reads what the region has observed of nodes, with each subnet read once for a page of them.
struct NodeStatusReader {
  private var subnets: [SubnetName: SubnetRow] = [:]

  /// How a node stands, as facts; the conversion to a message is elsewhere.
  struct Standing {
    var isServed = false
    var agent: AgentName?
    var epoch = Epoch.zero
    var generation = Generation.zero
    var applied = Generation.zero
    var reason = ""
    /// The last step of its newest boot.
    var boot: BootReport?
  }

  mutating func standing(of node: Node, in view: borrowing some StoreView & ~Copyable) throws -> Standing {
    var standing = Standing()
    standing.boot = try view.bootReports(of: node.id).max { $0.time < $1.time }
    guard let interface = node.spec.bootInterface, let name = interface.subnet,
      let row = try subnet(name, in: view)
    else {
      standing.reason = node.interfaces.isEmpty ? "no interface" : "no subnet"
      return standing
    }
    let progress = row.progress
    let key = BindingKey(subnet: row.subnet.dhcpID, mac: interface.mac)
    standing.agent = progress.owner
    standing.epoch = progress.epoch
    standing.applied = progress.applied
    standing.generation = try view.feedRow(key)?.generation ?? .zero
    standing.reason = try reason(row, key, standing.generation, in: view)
    standing.isServed = standing.reason.isEmpty
    return standing
  }

  mutating func subnet(_ name: SubnetName, in view: borrowing some StoreView & ~Copyable) throws -> SubnetRow? {
    if let row = subnets[name] { return row }
    let row = try view.subnet(named: name)
    subnets[name] = row
    return row
  }

  private func reason(
    _ row: SubnetRow, _ key: BindingKey, _ generation: Generation, in view: borrowing some StoreView & ~Copyable
  ) throws -> String {
    let progress = row.progress
    guard let owner = progress.owner else { return "no agent can serve \(row.subnet.name)" }
    if !row.subnet.spec.isDHCPOn { return "DHCP is off on \(row.subnet.name)" }
    if let trouble = progress.trouble { return trouble.message }
    if progress.rejected > 0, let rejection = try view.rejection(key) { return rejection.message }
    if progress.applied < generation {
      return "waiting for generation \(generation): \(owner) has applied \(progress.applied)"
    }
    if progress.rejected > Rejection.countMax {
      return "not known: \(owner) cannot serve \(progress.rejected) bindings of \(row.subnet.name), and only "
        + "\(Rejection.countMax) of them are on record"
    }
    return ""
  }
}

extension MusterV1.Node {
  init(_ node: Node, _ standing: NodeStatusReader.Standing) {
    var status = MusterV1.NodeStatus()
    status.served = standing.isServed
    status.agent = standing.agent?.text ?? ""
    status.epoch = standing.epoch.number
    status.head = standing.generation.number
    status.applied = standing.applied.number
    status.reason = standing.reason
    if let boot = standing.boot {
      status.bootStage = MusterV1.BootStage(boot.stage)
      status.bootTime = GoogleProtobuf.Timestamp(boot.time)
    }
    self.init(node, status: status)
  }
}
