internal import Provisioning
internal import RPC
internal import Testing
internal import Wire

/// Nodes, subnets and profiles: what an operator decides comes back as it went.
@Suite struct ResourceWireTests {
  private let time = Timestamp(nanoseconds: 1_795_402_145_000_000_007)

  private func node() throws -> Node {
    let spec = NodeSpec(
      name: "r1n42",
      interfaces: [
        NetworkInterface(
          name: "eth0", mac: "52:54:00:00:00:2a", subnet: "hall1", address: .fixed("10.1.0.42"), boot: true),
        NetworkInterface(name: "eth1", mac: "52:54:00:00:01:2a", subnet: "stor1", address: .dynamic),
        NetworkInterface(name: "eth2", mac: "52:54:00:00:02:2a", subnet: nil),
      ],
      bmc: BMC(address: "10.9.0.42", mac: "52:54:00:ff:00:2a"), tags: ["gpu", "prod"],
      serial: "7XK2", uuid: "01923456-789a-7bcd-8def-0123456789ab", location: "h1/r1/u42", bootProfile: "rescue",
      bootOnce: "enlist")
    return Node(
      id: NodeID(bits: 7), spec: spec, state: .failed(during: .deploying), revision: Revision(9),
      bootOnceToken: 9, hardware: Hardware(firmware: .uefi, memoryMiB: 4096, cpuCount: 8, cpuModel: "EPYC"),
      created: time, updated: time.advanced(bySeconds: 60), updatedBy: .local)
  }

  @Test func aNodeSurvivesTheWire() throws {
    let node = try node()
    let sent = MusterV1.Node(node)
    let received = try MusterV1.Node(serializedBytes: sent.serializedBytes())
    #expect(received == sent)
    #expect(try NodeDraft(received).parse() == node.spec)
    #expect(received.uid == node.id.description)
    #expect(received.state == .failed)
    #expect(received.hardware?.firmware == "uefi")
    #expect(received.createTime.map(Timestamp.init) == node.created)
    #expect(received.updateTime.map(Timestamp.init) == node.updated)
  }

  @Test func anInterfaceWithoutASubnetHasNoAddressInWords() throws {
    let sent = MusterV1.Node(try node())
    #expect(sent.interfaces.map(\.address) == ["10.1.0.42", "dynamic", ""])
  }

  @Test func allProblemsOfANodeAreFoundAtOnce() throws {
    let request = MusterV1.Node(
      name: "-bad-",
      interfaces: [
        .init(name: "eth0", mac: "52:54:00:0:00:11", subnet: "hall1", address: "10.1.0.300"),
        .init(name: "eth1", mac: "01:00:5e:00:00:01"),
      ],
      bmc: .init(mac: "x"), uuid: "nope")
    let error = try #require(throws: InvalidFields.self) { _ = try NodeDraft(request).parse() }
    let fields = error.problems.map(\.field)
    for field in ["name", "interfaces[0].mac", "interfaces[0].address", "interfaces[1].mac", "bmc.mac", "uuid"] {
      #expect(fields.contains(field))
    }
  }

  @Test func aSubnetSurvivesTheWire() throws {
    let spec = SubnetSpec(
      name: "hall1", fabric: "lab", prefix: "10.1.0.0/22", vlan: 101, gateway: "10.1.0.1",
      pool: ["10.1.3.0-10.1.3.99"], dnsServers: ["10.0.0.53"], domain: "dc1.example",
      ntpServers: ["10.0.0.54"], leaseSeconds: 7200, isDHCPOn: true, relays: ["10.1.0.2"],
      agents: ["rack1", "rack2"])
    let subnet = Subnet(
      id: SubnetID(bits: 5), dhcpID: DHCPSubnetID(number: 12), spec: spec, revision: Revision(3), created: time,
      updated: time, updatedBy: .local)
    let received = try MusterV1.Subnet(serializedBytes: MusterV1.Subnet(subnet).serializedBytes())
    #expect(try SubnetDraft(received).parse() == spec)
    #expect(received.dhcpId == 12)
    #expect(received.lease == GoogleProtobuf.Duration(seconds: 7200))
  }

  @Test func aSubnetNobodyServesSaysSo() {
    let progress = SubnetProgress(changedAt: time)
    let status = MusterV1.SubnetStatus(progress, pool: ["10.1.3.0-10.1.3.99"], poolUsed: 3)
    #expect(status.reason == "no agent can serve it")
    #expect(status.poolSize == 100)
    #expect(status.digest == String(repeating: "0", count: 32))
  }

  @Test func profilesSurviveTheWire() throws {
    let image = BootImage(kernel: "rescue/vmlinuz", initrds: ["rescue/initrd"], arguments: "console=ttyS0 quiet")
    for kind in [BootProfileSpec.Kind.local, .kernel(image)] {
      let spec = BootProfileSpec(name: "rescue", kind: kind)
      let message = MusterV1.BootProfile(BootProfileDraft(spec))
      let received = try MusterV1.BootProfile(serializedBytes: message.serializedBytes())
      #expect(try BootProfileDraft(received).parse() == spec)
    }
  }

  @Test func anUnknownKindOfProfileIsRefused() {
    let message = MusterV1.BootProfile(name: "rescue", kind: .unrecognized(7))
    #expect(throws: InvalidFields.self) { _ = try BootProfileDraft(message).parse() }
  }

  @Test func everyStateAndStageHasItsNumber() {
    for state in NodeState.all { #expect(MusterV1.NodeState(state).states.contains(state)) }
    #expect(MusterV1.NodeState.unspecified.states.isEmpty)
    #expect(MusterV1.NodeState.failed.states.count == NodeState.Work.allCases.count)
    for stage in BootStage.allCases { #expect(BootStage(MusterV1.BootStage(stage)) == stage) }
    #expect(BootStage(MusterV1.BootStage.unspecified) == nil)
    #expect(MusterV1.BootStage(.phoneHome) == .phoneHome)
  }

  @Test(arguments: [0, 1, -1, 999_999_999, -1_000_000_001, 1_795_402_145_000_000_007, Int64.min, Int64.max])
  func timesSurviveTheWire(nanoseconds: Int64) {
    let time = Timestamp(nanoseconds: nanoseconds)
    let sent = GoogleProtobuf.Timestamp(time)
    #expect((0..<1_000_000_000).contains(sent.nanos))
    // The last seconds before the ends of time saturate: a floored second may lie outside.
    #expect(Timestamp(sent) == time || nanoseconds == .min)
    #expect(GoogleProtobuf.Duration(nanoseconds: nanoseconds).nanoseconds == nanoseconds)
  }

  @Test func timesBeyondOurYearsSaturate() {
    #expect(Timestamp(GoogleProtobuf.Timestamp(seconds: 253_402_300_799)).nanoseconds == .max)
    #expect(Timestamp(GoogleProtobuf.Timestamp(seconds: .min)).nanoseconds == .min)
  }

  @Test func anAgentIsOnlineWhileItsSessionIsBelieved() {
    var agent = Agent(id: AgentID(bits: 1), name: "rack1", state: .enrolled, created: time)
    #expect(MusterV1.Agent(agent, isOnline: true).state == .online)
    #expect(MusterV1.Agent(agent, isOnline: false).state == .offline)
    agent.state = .draining
    #expect(MusterV1.Agent(agent, isOnline: true).state == .drained)
    let link = MusterV1.Link(
      interface: "eno2", fabric: "default", addresses: [.init(address: 0x0a01_0001, prefixLength: 22)], up: true)
    #expect(MusterV1.Agent(agent, isOnline: true, links: [link]).links[0].addresses == ["10.1.0.1/22"])
  }
}
