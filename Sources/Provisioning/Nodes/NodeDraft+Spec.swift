extension NodeDraft {
  /// The words that mean `spec`; an update overlays them with what the operator changed.
  package init(_ spec: NodeSpec) {
    self.init(
      name: spec.name.text, interfaces: spec.interfaces.map(InterfaceDraft.init),
      bmcAddress: spec.bmc.address?.text ?? "", bmcMAC: spec.bmc.mac?.description ?? "",
      tags: spec.tags.map(\.text), serial: spec.serial?.text ?? "",
      uuid: spec.uuid?.description ?? "", location: spec.location.text,
      bootProfile: spec.bootProfile.text, bootOnce: spec.bootOnce?.text ?? "")
  }
}

extension InterfaceDraft {
  package init(_ interface: NetworkInterface) {
    self.init(
      name: interface.name.text, mac: interface.mac.description,
      subnet: interface.subnet?.text ?? "",
      address: interface.subnet == nil ? "" : interface.address.description, boot: interface.boot)
  }
}
