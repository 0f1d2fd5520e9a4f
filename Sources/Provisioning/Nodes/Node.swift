/// A machine as the region keeps it: what the operator decided, and what became of it.
package struct Node: Hashable, Sendable {
  package var id: NodeID
  package var spec: NodeSpec
  package var state: NodeState
  package var revision: Revision
  /// Tells one order to boot once from the next: the revision that gave it; 0 if `bootOnce` is nil.
  package var bootOnceToken: UInt64
  /// What the machine said about itself.
  package var hardware: Hardware
  package var created: Timestamp
  package var updated: Timestamp
  /// Who changed it last.
  package var updatedBy: Actor

  package init(
    id: NodeID, spec: NodeSpec, state: NodeState, revision: Revision, bootOnceToken: UInt64 = 0,
    hardware: Hardware = Hardware(), created: Timestamp, updated: Timestamp, updatedBy: Actor
  ) {
    self.id = id
    self.spec = spec
    self.state = state
    self.revision = revision
    self.bootOnceToken = bootOnceToken
    self.hardware = hardware
    self.created = created
    self.updated = updated
    self.updatedBy = updatedBy
  }

  package var name: NodeName { spec.name }
  package var interfaces: [NetworkInterface] { spec.interfaces }

  /// The order to boot once, with the token that makes it one order.
  package var bootOnce: BootOnce? {
    spec.bootOnce.map { BootOnce(profile: $0, token: bootOnceToken) }
  }
}

/// What a machine said about itself when it enlisted. Zero and empty mean that it did not say.
package struct Hardware: Hashable, Sendable {
  package var firmware: Firmware?
  /// MiB.
  package var memoryMiB: UInt64
  package var cpuCount: UInt32
  package var cpuModel: PlainText

  package init(
    firmware: Firmware? = nil, memoryMiB: UInt64 = 0, cpuCount: UInt32 = 0,
    cpuModel: PlainText = .empty
  ) {
    self.firmware = firmware
    self.memoryMiB = memoryMiB
    self.cpuCount = cpuCount
    self.cpuModel = cpuModel
  }
}

/// How a machine starts.
package enum Firmware: UInt8, Hashable, Sendable, CaseIterable {
  case bios = 1
  case uefi = 2
}
