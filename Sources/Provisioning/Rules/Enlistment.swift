/// What a machine that nobody described says about itself.
package struct EnlistmentReport: Hashable, Sendable {
  /// All its MACs, the one it booted from first; not empty.
  package var macs: [MACAddress]
  package var serial: SerialNumber?
  package var uuid: HardwareUUID?
  package var hardware: Hardware

  /// The most MACs of one machine that are looked at.
  package static let macsMax = 32

  package init(macs: [MACAddress], serial: SerialNumber?, uuid: HardwareUUID?, hardware: Hardware = Hardware()) {
    self.macs = macs
    self.serial = serial
    self.uuid = uuid
    self.hardware = hardware
  }
}

/// Which node a machine is.
package enum EnlistmentMatch: Hashable, Sendable {
  /// It is this node; nothing speaks against it.
  case same(NodeID)
  /// It is nobody we know.
  case new
  /// Its marks belong to different machines; an operator has to look. The nodes it could be, by
  /// name.
  case conflict([NodeName], reason: Reason)

  package enum Reason: Hashable, Sendable {
    /// Its MACs belong to several nodes.
    case macsOfSeveralNodes
    /// A MAC belongs to a node with another serial number or UUID: a card that moved, or a lie.
    case macOfOtherMachine
    /// A serial number or UUID belongs to a node that has none of its MACs.
    case identityOfOtherMachine
  }
}

extension EnlistmentReport {
  /// Finds the machine among the nodes that have any of its MACs, its serial number or its UUID.
  /// Placeholders identify nobody.
  package func match(among nodes: [Node]) -> EnlistmentMatch {
    let mine = Set(macs)
    let byMAC = nodes.filter { node in node.interfaces.contains { mine.contains($0.mac) } }
    let byIdentity = nodes.filter { node in
      sharesSerial(with: node) || sharesUUID(with: node)
    }
    if byMAC.count > 1 { return .conflict(names(byMAC), reason: .macsOfSeveralNodes) }
    guard let node = byMAC.first else {
      return byIdentity.isEmpty ? .new : .conflict(names(byIdentity), reason: .identityOfOtherMachine)
    }
    if contradicts(node) { return .conflict([node.name], reason: .macOfOtherMachine) }
    let others = byIdentity.filter { $0.id != node.id }
    if !others.isEmpty { return .conflict(names([node] + others), reason: .identityOfOtherMachine) }
    return .same(node.id)
  }

  private func sharesSerial(with node: Node) -> Bool {
    guard let serial, !serial.isPlaceholder else { return false }
    return node.spec.serial == serial
  }

  private func sharesUUID(with node: Node) -> Bool {
    guard let uuid, !uuid.isPlaceholder else { return false }
    return node.spec.uuid == uuid
  }

  /// True if both sides state a mark and the marks differ.
  private func contradicts(_ node: Node) -> Bool {
    if let mine = serial, let theirs = node.spec.serial, !mine.isPlaceholder, !theirs.isPlaceholder,
      mine != theirs
    {
      return true
    }
    if let mine = uuid, let theirs = node.spec.uuid, !mine.isPlaceholder, !theirs.isPlaceholder {
      return mine != theirs
    }
    return false
  }

  private func names(_ nodes: [Node]) -> [NodeName] { nodes.map(\.name).sorted() }

  /// The name of a machine that enlisted and has none: `new-` and the MAC it booted from.
  package var nodeName: NodeName {
    guard let mac = macs.first else { preconditionFailure("a machine has at least one MAC") }
    do { return try NodeName("new-\(mac.compactText)") } catch { preconditionFailure("\(error)") }
  }
}
