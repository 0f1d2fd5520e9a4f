internal import Provisioning

/// A state as a scratch daemon is asked about it: in every answered subnet there is somebody to ask for.
package struct RehearsedState: Sendable, Hashable {
  package private(set) var state: RackState
  /// One a subnet, ascending by its number.
  package private(set) var targets: [ProbeTarget] = []

  /// The machine that stands in for those that are not there, one for each subnet: locally administered (IEEE 802 §8.2).
  private static let standInBits: UInt64 = 0x024d_5500_0000

  package init(_ state: RackState) {
    self.state = state
    for subnet in state.answering {
      guard let attachment = subnet.attachment else { continue }
      var rehearsed = subnet
      if !subnet.bindings.contains(where: { $0.address != nil }), let extra = Self.standIn(in: subnet) {
        rehearsed.bindings = (subnet.bindings + [extra]).sorted { $0.mac < $1.mac }
        self.state[subnet.dhcpID] = rehearsed
      }
      guard let binding = rehearsed.bindings.first(where: { $0.address != nil }), let address = binding.address else {
        continue
      }
      targets.append(
        ProbeTarget(
          dhcpID: subnet.dhcpID, mac: binding.mac, address: address, attachment: attachment,
          relay: attachment.isRelayed ? subnet.header.relays.first : nil))
    }
  }

  /// `nil` when the subnet has no room for one more.
  private static func standIn(in subnet: ServedSubnet) -> Binding? {
    let header = subnet.header
    let taken = Set(header.relays + [header.gateway, subnet.attachment?.agentAddress].compactMap { $0 })
    var candidate = header.prefix.network.next
    while let address = candidate, address < header.prefix.broadcast {
      if !header.pool.contains(address), !taken.contains(address) {
        do {
          return Binding(
            key: BindingKey(subnet: subnet.dhcpID, mac: try MACAddress(bits: standInBits | UInt64(subnet.dhcpID.number & 0xff_ffff))),
            node: NodeID(bits: 0), hostname: "rehearsal", address: address, bootProfile: nil)
        } catch {
          preconditionFailure("the stand-in is a unicast address")
        }
      }
      candidate = address.next
    }
    return nil
  }
}
