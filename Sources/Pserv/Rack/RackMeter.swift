internal import Metrics
internal import Provisioning

/// How the rack is, in the numbers that an operator is woken by. Measured when somebody asks.
package struct RackMeter: Sendable {
  private let rack: Rack
  private let subnets = Meter(label: "muster_pserv_subnets")
  private let subnetsTroubled = Meter(label: "muster_pserv_subnets_troubled")
  private let reservations = Meter(label: "muster_pserv_reservations")
  private let rejected = Meter(label: "muster_pserv_reservations_rejected")
  private let spooled = Meter(label: "muster_pserv_enlistments_spooled")
  private let isConnected = Meter(label: "muster_pserv_region_connected")

  /// After metrics were set up for the process.
  package init(rack: Rack) {
    self.rack = rack
  }

  package func measure() {
    let content = rack.mirror.content
    subnets.set(content.subnets.values.count { $0.isOwned })
    subnetsTroubled.set(rack.troubles.count)
    reservations.set(content.appliedState.answering.reduce(0) { $0 + $1.bindings.count })
    rejected.set(content.rejectedBindings.count)
    spooled.set(content.spooled)
    if case .connected = rack.contact { isConnected.set(1) } else { isConnected.set(0) }
  }
}
