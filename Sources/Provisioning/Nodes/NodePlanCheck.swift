/// Judges a batch of changes on its final state.
struct NodePlanCheck {
  private let changes: [NodeChange]
  private let occupancy: Occupancy
  private let now: Timestamp
  private var refusals: [Int: Refusal] = [:]
  /// The change of each node in the batch.
  private var indexes: [NodeID: Int] = [:]
  /// What the changed nodes will have, in the order of the changes.
  private var macs: [MACAddress: [Claim]] = [:]
  private var addresses: [SubnetAddress: [Claim]] = [:]
  private var names: [NodeName: [Int]] = [:]

  private struct Claim {
    var change: Int
    var interface: Int
  }

  init(_ changes: [NodeChange], _ occupancy: Occupancy, _ now: Timestamp) {
    self.changes = changes
    self.occupancy = occupancy
    self.now = now
    // A node that stays as it is holds what it has like one outside the batch.
    for (index, change) in changes.enumerated() where !change.isUnchanged {
      guard indexes[change.id] == nil else {
        refusals[index] = .invalid([Self.changedTwice(change)])
        continue
      }
      indexes[change.id] = index
      guard let node = change.after else { continue }
      names[node.name, default: []].append(index)
      for (position, interface) in node.interfaces.enumerated() {
        let claim = Claim(change: index, interface: position)
        macs[interface.mac, default: []].append(claim)
        if let place = place(of: interface) { addresses[place, default: []].append(claim) }
      }
    }
  }

  mutating func run(_ mode: BatchMode) -> [Int: Refusal] {
    for index in changes.indices where refusals[index] == nil && !changes[index].isUnchanged { judge(index) }
    guard mode == .goodOnes else { return refusals }
    // A refused change gives back what its node had; whoever counted on it is refused as well.
    var queue = refusals.keys.sorted()
    while let index = queue.popLast() { queue += giveBack(index) }
    return refusals
  }

  private mutating func judge(_ index: Int) {
    guard let node = changes[index].after else { return }
    if let refusal = nameRefusal(node, index) {
      refusals[index] = refusal
      return
    }
    var problems: [FieldProblem] = []
    checkProfiles(node, &problems)
    for position in node.interfaces.indices { check(position, of: node, index, &problems) }
    if !problems.isEmpty { refusals[index] = .invalid(problems) }
  }

  private func nameRefusal(_ node: Node, _ index: Int) -> Refusal? {
    if let holder = occupancy.names[node.name], holder != node.id, !isChanged(holder) { return .nodeExists(node.name) }
    if let first = names[node.name]?.first, first < index {
      return .invalid([
        FieldProblem(
          field: "name", value: "\(node.name)", code: .nameTaken, message: "is the name of two nodes of the request",
          fix: "rename one")
      ])
    }
    return nil
  }

  private func checkProfiles(_ node: Node, _ problems: inout [FieldProblem]) {
    let named = [("boot_profile", node.spec.bootProfile as ProfileName?), ("boot_once", node.spec.bootOnce)]
    for case (let field, let profile?) in named where !occupancy.profiles.contains(profile) {
      problems.append(
        FieldProblem(
          field: field, value: "\(profile)", code: .profileUnknown, message: "is not a boot profile",
          fix: "list them with 'muster boot list'"))
    }
  }

  private func check(_ position: Int, of node: Node, _ index: Int, _ problems: inout [FieldProblem]) {
    let interface = node.interfaces[position]
    let field = "interfaces[\(position)]"
    if let subnet = interface.subnet, occupancy.subnets[subnet] == nil {
      problems.append(
        FieldProblem(
          field: "\(field).subnet", value: "\(subnet)", code: .subnetUnknown, message: "is not a subnet",
          fix: "list them with 'muster subnet list'"))
      return
    }
    if let problem = macProblem(interface, "\(field).mac", index, position) { problems.append(problem) }
    if let problem = addressProblem(interface, "\(field).address", index, position) { problems.append(problem) }
  }

  private func macProblem(
    _ interface: NetworkInterface, _ field: String, _ index: Int, _ position: Int
  ) -> FieldProblem? {
    let fabric = fabric(of: interface)
    for holder in occupancy.macs[interface.mac] ?? [] where !isChanged(holder.node) && meets(fabric, holder.fabric) {
      return Self.taken(interface.mac, field, by: holder.name, holder.interface)
    }
    for claim in macs[interface.mac] ?? [] where isEarlier(claim, index, position) {
      guard let other = changes[claim.change].after, meets(fabric, self.fabric(of: other.interfaces[claim.interface]))
      else { continue }
      return FieldProblem(
        field: field, value: "\(interface.mac)", code: .macTaken,
        message: "is also on node \(other.name) (\(other.interfaces[claim.interface].name)) in this request",
        fix: "remove one of them")
    }
    return nil
  }

  private func addressProblem(
    _ interface: NetworkInterface, _ field: String, _ index: Int, _ position: Int
  ) -> FieldProblem? {
    guard let place = place(of: interface), let subnet = interface.subnet, let facts = occupancy.subnets[subnet]
    else { return nil }
    // What a node has already it may keep, whatever became reserved since.
    if changes[index].before?.interfaces.contains(where: { place == self.place(of: $0) }) != true,
      let problem = facts.problem(reserving: place.address, field: field)
    {
      return problem
    }
    if let holder = occupancy.addresses[place], !isChanged(holder.node) {
      return Self.taken(place, field, "belongs to node \(holder.name)")
    }
    for claim in addresses[place] ?? [] where isEarlier(claim, index, position) {
      return Self.taken(place, field, "is also on node \(changes[claim.change].after?.name.text ?? "") in this request")
    }
    if let held = occupancy.holds[place], held.mac != interface.mac, !held.isReleased(at: now), !changes[index].force {
      return Self.held(held, field)
    }
    return nil
  }

  /// Refuses whoever wants what the refused change's node keeps; returns them.
  private mutating func giveBack(_ index: Int) -> [Int] {
    guard let node = changes[index].before, indexes[node.id] == index else { return [] }
    var refused: [Int] = []
    func refuse(_ other: Int, _ refusal: Refusal) {
      guard other != index, refusals[other] == nil else { return }
      refusals[other] = refusal
      refused.append(other)
    }
    for other in names[node.name] ?? [] { refuse(other, .nodeExists(node.name)) }
    for interface in node.interfaces {
      for claim in macs[interface.mac] ?? [] {
        guard let other = changes[claim.change].after,
          meets(fabric(of: interface), fabric(of: other.interfaces[claim.interface]))
        else { continue }
        refuse(
          claim.change,
          .invalid([
            Self.taken(interface.mac, "interfaces[\(claim.interface)].mac", by: node.name, interface.name)
          ]))
      }
      guard let place = place(of: interface) else { continue }
      for claim in addresses[place] ?? [] {
        let field = "interfaces[\(claim.interface)].address"
        refuse(claim.change, .invalid([Self.taken(place, field, "belongs to node \(node.name)")]))
      }
    }
    return refused
  }

  /// True if the batch says what becomes of the node.
  private func isChanged(_ node: NodeID) -> Bool { indexes[node] != nil }

  private func isEarlier(_ claim: Claim, _ index: Int, _ position: Int) -> Bool {
    (claim.change, claim.interface) < (index, position)
  }

  private func fabric(of interface: NetworkInterface) -> FabricName? {
    interface.subnet.flatMap { occupancy.subnets[$0]?.fabric }
  }

  private func place(of interface: NetworkInterface) -> SubnetAddress? {
    guard let name = interface.subnet, let facts = occupancy.subnets[name], let address = interface.address.fixed
    else { return nil }
    return SubnetAddress(subnet: facts.dhcpID, address: address)
  }

  /// A MAC is unique in a fabric; an interface without a subnet may be in any.
  private func meets(_ a: FabricName?, _ b: FabricName?) -> Bool { a == nil || b == nil || a == b }
}

extension NodePlanCheck {
  private static func changedTwice(_ change: NodeChange) -> FieldProblem {
    let name = (change.after ?? change.before)?.name.text ?? ""
    return FieldProblem(
      field: "name", value: name, code: .duplicate, message: "is changed twice in one request", fix: "join the changes")
  }

  private static func taken(
    _ mac: MACAddress, _ field: String, by node: NodeName, _ interface: InterfaceName
  ) -> FieldProblem {
    FieldProblem(
      field: field, value: "\(mac)", code: .macTaken, message: "belongs to node \(node) (\(interface))",
      fix: "remove it there first, or change both in one import")
  }

  private static func taken(_ place: SubnetAddress, _ field: String, _ message: String) -> FieldProblem {
    FieldProblem(
      field: field, value: "\(place.address)", code: .addressTaken, message: message,
      fix: "choose another address or 'auto'")
  }

  private static func held(_ held: HeldAddress, _ field: String) -> FieldProblem {
    let reason =
      !held.isAcknowledged
      ? "its agent has not confirmed the removal"
      : held.leaseEnds.map { "its lease ends at \($0.utcText)" } ?? "its lease has not ended"
    return FieldProblem(
      field: field, value: "\(held.place.address)", code: .addressHeld, message: "is held for \(held.mac): \(reason)",
      fix: "choose another address or 'auto', wait, or risk a double address with --force")
  }
}
