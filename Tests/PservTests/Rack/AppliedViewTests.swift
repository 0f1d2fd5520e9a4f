import Provisioning
import Testing

@testable import Pserv

/// What a machine is, as boot answers and the watcher of links see it.
struct AppliedViewTests {
  /// A link with a subnet of its own, behind which a router relays for two more.
  private func view() -> AppliedView {
    func served(_ id: UInt32, _ prefix: IPv4Prefix, relays: [IPv4Address]) -> ServedSubnet {
      let header = Sample.header(DHCPSubnetID(number: id), prefix: prefix, pool: nil, gateway: nil, relays: relays)
      return ServedSubnet(
        header: header, epoch: Epoch(1), generation: Generation(1), attachment: Sample.links.attachment(for: header),
        answersDHCP: true, bindings: [])
    }
    let view = AppliedView()
    view.swap(
      to: RackState(subnets: [
        served(1, "10.8.0.0/24", relays: ["10.8.0.1"]), served(2, "10.1.0.0/22", relays: []),
        served(3, "10.9.0.0/24", relays: ["10.7.7.7"]),
      ]), usedUp: [])
    return view
  }

  private func subnet(relay: IPv4Address?) -> UInt32? {
    guard case .unknown(_, let place) = view().answer(to: Sample.mac(1), at: Sample.agent, relay: relay) else { return nil }
    return place.dhcpID.number
  }

  @Test func anUnknownMachineBehindARelayIsInTheRelaysSubnet() {
    #expect(subnet(relay: "10.8.0.1") == 1)
    #expect(subnet(relay: "10.7.7.7") == 3)
    #expect(subnet(relay: "10.9.0.77") == 3, "a relay that is not named, inside the prefix")
    #expect(subnet(relay: "192.168.0.1") == nil, "somebody else's")
  }

  @Test func anUnknownMachineOnTheLinkIsInTheLinksSubnet() {
    #expect(subnet(relay: nil) == 2)
  }
}
