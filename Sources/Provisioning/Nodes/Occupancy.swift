/// Who has a MAC, an address or a name, as stored before the batch.
package struct Occupancy: Sendable {
  package var macs: [MACAddress: [MACHolder]] = [:]
  package var addresses: [SubnetAddress: AddressHolder] = [:]
  package var names: [NodeName: NodeID] = [:]
  package var holds: [SubnetAddress: HeldAddress] = [:]
  package var subnets: [SubnetName: SubnetFacts] = [:]
  package var profiles: Set<ProfileName> = []

  package init() {}

  package struct MACHolder: Hashable, Sendable {
    package var node: NodeID
    package var name: NodeName
    package var interface: InterfaceName
    /// `nil` if the interface has no subnet, and so may be anywhere.
    package var fabric: FabricName?

    package init(node: NodeID, name: NodeName, interface: InterfaceName, fabric: FabricName?) {
      self.node = node
      self.name = name
      self.interface = interface
      self.fabric = fabric
    }
  }

  package struct AddressHolder: Hashable, Sendable {
    package var node: NodeID
    package var name: NodeName

    package init(node: NodeID, name: NodeName) {
      self.node = node
      self.name = name
    }
  }
}
