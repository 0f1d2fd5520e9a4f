import Provisioning
import RPC
import Testing
import Wire

@testable import Pserv
@testable import Simulation

/// What 1,000 edits in one second of the virtual clock cost a rack: the same on every machine, however busy.
struct EditsTests {
  private static let edits = 1_000
  private static let reloadsMax = 10

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func aThousandEditsInASecondAreTenReloadsAtMostAndNoRestart(seed: UInt64) throws {
    var calls: [String: Int] = [:]
    let world = World(seed: seed) { line in
      for call in ["reload", "restart", "restore"] where line.contains("dhcp \(call):") { calls[call, default: 0] += 1 }
    }
    let network = SimulatedNetwork(world)
    let scratch = try Scratch()
    let region = try RegionHost(world: world, network: network, scratch: scratch)
    let rack = try AgentHost(
      name: "rack1", number: 1, addresses: [LinkAddress(address: "10.1.0.2", prefixLength: 20)], world: world,
      network: network, scratch: scratch, oracle: Oracle(world))
    let desk = Desk(SimulatedProcess(name: "operator", number: 1_000, world: world), network, rack: rack)
    try region.start()

    desk.process.start {
      do { try await desk.setUp() } catch { Issue.record(error) }
    }
    let isServed = { (nodes: Int) in rack.daemon.answering.first?.bindings.count == nodes }
    #expect(world.run(until: .seconds(30)) { isServed(0) }, "the rack does not come up")

    calls = [:]
    let began = world.now
    desk.process.start { await desk.addNodes(Self.edits, within: .seconds(1)) }
    #expect(world.run(until: began + .seconds(30)) { isServed(Self.edits) }, "not every edit is served")
    #expect(desk.answered.count == Self.edits)
    #expect((desk.answered.last ?? .zero) - began <= .milliseconds(1_100), "the region did not keep up")
    #expect(calls["reload", default: 0] <= Self.reloadsMax && calls["reload", default: 0] > 1)
    #expect(calls["restart"] == nil && calls["restore"] == nil)
    #expect(world.violations.isEmpty)

    desk.process.kill()
    try rack.kill(isPowerLoss: true)
    try region.kill(isPowerLoss: true)
  }
}

/// An operator with many hands. Used on the world's thread only.
private final class Desk: @unchecked Sendable {
  let process: SimulatedProcess
  /// When each edit was acknowledged.
  private(set) var answered: [Duration] = []
  private let channel: SimulatedChannel
  private let rack: AgentHost

  init(_ process: SimulatedProcess, _ network: SimulatedNetwork, rack: AgentHost) {
    self.process = process
    self.rack = rack
    channel = SimulatedChannel(
      process, on: "operator", to: RegionHost.address, over: network, keepalive: (.seconds(20), .seconds(10)))
  }

  /// A subnet, and the rack that serves it.
  func setUp() async throws {
    let subnet = MusterV1.Subnet(name: "hall1", prefix: "10.1.0.0/20", gateway: "10.1.0.1", dhcpEnabled: true)
    _ = try await MusterV1.SubnetServiceClient(channel: channel).createSubnet(.init(subnet: subnet))
    let agents = MusterV1.AgentServiceClient(channel: channel)
    rack.token = try await agents.createAgent(.init(name: rack.name.text)).enrollmentToken
    try rack.start()
  }

  /// One call for each node, at equal distances.
  func addNodes(_ count: Int, within duration: Duration) async {
    let nodes = MusterV1.NodeServiceClient(channel: channel)
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<count {
        group.addTask { [self] in
          do {
            try await process.sleep(for: duration / count * index)
            let mac = try MACAddress(bits: 0x5254_0000_0000 + UInt64(index))
            let interface = MusterV1.NetworkInterface(
              name: "eth0", mac: "\(mac)", subnet: "hall1", address: "auto", boot: true)
            _ = try await nodes.createNode(.init(node: .init(name: "n\(index)", interfaces: [interface])))
            answered.append(process.world.now)
          } catch { Issue.record(error) }
        }
      }
    }
  }
}
