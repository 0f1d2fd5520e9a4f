package import Provisioning
internal import RPC

extension NodeDraft {
  /// What a request says of a node, in words; `parse()` says what is wrong with them. Output-only fields are
  /// not looked at.
  package init(_ node: MusterV1.Node) {
    self.init(
      name: node.name, interfaces: node.interfaces.map(InterfaceDraft.init),
      bmcAddress: node.bmc?.address ?? "", bmcMAC: node.bmc?.mac ?? "", tags: node.tags, serial: node.serial,
      uuid: node.uuid, location: node.location, bootProfile: node.bootProfile, bootOnce: node.bootOnce)
  }
}

extension InterfaceDraft {
  package init(_ interface: MusterV1.NetworkInterface) {
    self.init(
      name: interface.name, mac: interface.mac, subnet: interface.subnet, address: interface.address,
      boot: interface.boot)
  }
}

extension MusterV1.Node {
  /// A node as operators see it.
  ///
  /// - Parameter status: What the region has observed, if it was looked up.
  package init(_ node: Node, status: MusterV1.NodeStatus? = nil) {
    self.init(NodeDraft(node.spec))
    uid = node.id.description
    revision = node.revision.number
    state = MusterV1.NodeState(node.state)
    hardware = node.hardware == Hardware() ? nil : MusterV1.Hardware(node.hardware)
    self.status = status
    createTime = GoogleProtobuf.Timestamp(node.created)
    updateTime = GoogleProtobuf.Timestamp(node.updated)
  }

  /// What an operator decides about a node, in the words of a request.
  package init(_ draft: NodeDraft) {
    self.init(
      name: draft.name, tags: draft.tags, bootProfile: draft.bootProfile, bootOnce: draft.bootOnce,
      interfaces: draft.interfaces.map(MusterV1.NetworkInterface.init), serial: draft.serial, uuid: draft.uuid,
      location: draft.location)
    if !draft.bmcAddress.isEmpty || !draft.bmcMAC.isEmpty {
      bmc = MusterV1.Bmc(address: draft.bmcAddress, mac: draft.bmcMAC)
    }
  }
}

extension MusterV1.NetworkInterface {
  package init(_ draft: InterfaceDraft) {
    self.init(
      name: draft.name, mac: draft.mac, subnet: draft.subnet, address: draft.address, boot: draft.boot)
  }
}

extension MusterV1.Hardware {
  package init(_ hardware: Hardware) {
    self.init(
      firmware: hardware.firmware?.word ?? "", memoryMib: hardware.memoryMiB, cpuCount: hardware.cpuCount,
      cpuModel: hardware.cpuModel.text)
  }
}

extension Firmware {
  /// The word of the contract.
  var word: String {
    switch self {
    case .bios: "bios"
    case .uefi: "uefi"
    }
  }

  /// Nil for a word that is none, machines may say anything.
  init?(word: String) {
    guard let firmware = Self.allCases.first(where: { $0.word == word }) else { return nil }
    self = firmware
  }
}

extension MusterV1.NodeState {
  package init(_ state: NodeState) {
    self =
      switch state {
      case .new: .new
      case .commissioning: .commissioning
      case .ready: .ready
      case .allocated: .allocated
      case .deploying: .deploying
      case .deployed: .deployed
      case .releasing: .releasing
      case .failed: .failed
      }
  }

  /// The states of the domain that a filter by this one means; empty for no filter and for a number we do not know.
  package var states: [NodeState] {
    NodeState.all.filter { MusterV1.NodeState($0) == self }
  }
}

extension MusterV1.BootStage {
  package init(_ stage: BootStage) {
    self.init(rawValue: Int32(stage.rawValue))
  }
}

extension BootStage {
  /// Nil for an unspecified stage and for one we do not know.
  package init?(_ stage: MusterV1.BootStage) {
    guard let number = UInt8(exactly: stage.rawValue), let known = BootStage(rawValue: number) else { return nil }
    self = known
  }
}

extension MusterV1.WriteOutcome {
  package init(_ outcome: WriteOutcome) {
    self =
      switch outcome {
      case .added: .added
      case .updated: .updated
      case .unchanged: .unchanged
      case .removed: .removed
      }
  }
}

extension MusterV1.SubnetGeneration {
  package init(_ generation: SubnetGeneration) {
    self.init(subnet: generation.subnet.text, generation: generation.generation.number)
  }
}
