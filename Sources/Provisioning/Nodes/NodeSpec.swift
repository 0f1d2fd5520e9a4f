/// What an operator decides about a node.
package struct NodeSpec: Hashable, Sendable {
  package var name: NodeName
  package var interfaces: [NetworkInterface]
  package var bmc: BMC
  /// Ascending, without repeats.
  package var tags: [Tag]
  package var serial: SerialNumber?
  package var uuid: HardwareUUID?
  package var location: PlainText
  package var bootProfile: ProfileName
  /// Boots this profile once, then `bootProfile` again.
  package var bootOnce: ProfileName?

  package static let interfacesMax = 16
  package static let tagsMax = 64

  package init(
    name: NodeName, interfaces: [NetworkInterface] = [], bmc: BMC = BMC(), tags: [Tag] = [],
    serial: SerialNumber? = nil, uuid: HardwareUUID? = nil, location: PlainText = .empty,
    bootProfile: ProfileName = .local, bootOnce: ProfileName? = nil
  ) {
    self.name = name
    self.interfaces = interfaces
    self.bmc = bmc
    self.tags = tags
    self.serial = serial
    self.uuid = uuid
    self.location = location
    self.bootProfile = bootProfile
    self.bootOnce = bootOnce
  }
}

extension NodeSpec {
  /// Whether every place this boots from, a MAC in a subnet, is one that `other` boots from.
  func boots(onlyWhere other: NodeSpec) -> Bool {
    let places = other.interfaces.filter(\.boot)
    return interfaces.filter(\.boot).allSatisfy { here in
      places.contains { $0.mac == here.mac && $0.subnet == here.subnet }
    }
  }
}
