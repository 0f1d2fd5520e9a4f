import Provisioning
import Synchronization

@testable import Pserv

/// A rack with one subnet at a loopback address.
enum TestView {
  static let place = ServedPlace(dhcpID: DHCPSubnetID(number: 1), subnet: "hall1", agentAddress: "127.77.0.1", prefix: "127.77.0.0/24")

  static func binding(_ mac: MACAddress, profile: ProfileName? = .local) -> Binding {
    Binding(
      key: BindingKey(subnet: place.dhcpID, mac: mac), node: NodeID(bits: 1), hostname: "n1", address: "127.77.0.42",
      bootProfile: profile)
  }

  static func state(_ bindings: [Binding], profiles: [BootProfileSpec] = []) -> RackState {
    let header = SubnetHeader(
      dhcpID: place.dhcpID, name: place.subnet, fabric: "default", prefix: "127.77.0.0/24", vlan: nil, gateway: nil,
      pool: [], dnsServers: [], domain: nil, ntpServers: [], leaseSeconds: 3600, isDHCPOn: true, relays: [])
    let subnet = ServedSubnet(
      header: header, epoch: Epoch(1), generation: Generation(1),
      attachment: Attachment(interface: "lo", agentAddress: place.agentAddress, isRelayed: false),
      answersDHCP: true, bindings: bindings)
    var all = BootProfiles.builtIn
    for profile in profiles { all.byName[profile.name] = profile }
    return RackState(subnets: [subnet], profiles: all)
  }
}

/// Answers phone-homes as it is told and keeps them.
final class TestDesk: PhoneHomeDesk {
  private let state: Mutex<(outcome: PhoneHomeOutcome, reports: [MachineReport])>
  private let orders = Mutex<[BootOnceUse]>([])

  init(_ outcome: PhoneHomeOutcome) {
    state = Mutex((outcome, []))
  }

  /// Orders to boot once whose scripts were handed out.
  var served: [BootOnceUse] { orders.withLock { $0 } }

  func willServe(_ once: BootOnceUse) { orders.withLock { $0.append(once) } }

  var reports: [MachineReport] { state.withLock { $0.reports } }

  func phoneHome(_ report: MachineReport, at localAddress: IPv4Address) async throws -> PhoneHomeOutcome {
    state.withLock {
      $0.reports.append(report)
      return $0.outcome
    }
  }
}

final class BootSink: ObservationSink {
  private let state = Mutex<[BootObservation]>([])

  func record(_ lease: LeaseObservation) {}
  func record(_ boot: BootObservation) { state.withLock { $0.append(boot) } }

  var boots: [BootObservation] { state.withLock { $0 } }
}
