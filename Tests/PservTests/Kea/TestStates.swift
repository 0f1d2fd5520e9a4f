import Provisioning

@testable import Pserv

/// Rack states for tests.
enum TestStates {
  static let attachment = Attachment(interface: "eno2", agentAddress: "10.1.0.1", isRelayed: false)

  static func binding(_ number: Int, address: IPv4Address?, in subnet: UInt32 = 1) -> Binding {
    Binding(
      key: BindingKey(subnet: DHCPSubnetID(number: subnet), mac: mac(number)), node: NodeID(bits: UInt128(number)),
      hostname: name("h\(subnet)n\(number)"), address: address, bootProfile: .local)
  }

  /// 52:54:00 and the number.
  static func mac(_ number: Int) -> MACAddress {
    do { return try MACAddress(bits: 0x5254_0000_0000 + UInt64(number)) } catch { preconditionFailure("\(error)") }
  }

  static func name(_ text: String) -> NodeName {
    do { return try NodeName(text) } catch { preconditionFailure("\(error)") }
  }

  /// 10.1.0.0/22 on eno2, machines 1 to `nodes` at 10.1.0.10 and on, pool 10.1.3.0-10.1.3.99.
  static func hall1(nodes: Int, pool: AddressPool = ["10.1.3.0-10.1.3.99"]) -> RackState {
    hall1((0..<nodes).map { binding($0 + 1, address: IPv4Address(bits: 0x0a01_000a + UInt32($0))) }, pool: pool)
  }

  static func hall1(_ bindings: [Binding], pool: AddressPool = ["10.1.3.0-10.1.3.99"], prefix: IPv4Prefix = "10.1.0.0/22")
    -> RackState
  {
    RackState(subnets: [subnet(1, prefix: prefix, pool: pool, bindings: bindings)])
  }

  static func subnet(
    _ number: UInt32, prefix: IPv4Prefix, pool: AddressPool, attachment: Attachment = attachment,
    relays: [IPv4Address] = [], bindings: [Binding]
  ) -> ServedSubnet {
    let header = SubnetHeader(
      dhcpID: DHCPSubnetID(number: number), name: subnetName("hall\(number)"), fabric: "default", prefix: prefix,
      vlan: nil, gateway: prefix.network.next, pool: pool, dnsServers: ["10.0.0.53", "10.0.0.54"],
      domain: "dc1.example", ntpServers: ["10.0.0.123"], leaseSeconds: 3600, isDHCPOn: true, relays: relays)
    return ServedSubnet(
      header: header, epoch: Epoch(1), generation: Generation(1), attachment: attachment,
      answersDHCP: true, bindings: bindings)
  }

  private static func subnetName(_ text: String) -> SubnetName {
    do { return try SubnetName(text) } catch { preconditionFailure("\(error)") }
  }

  /// A state of every shape that passes validation: many subnets on many links, relayed and not, several on one link,
  /// with and without pools, gateways, domains, reserved addresses.
  static func random(_ random: inout some RandomNumberGenerator) -> RackState {
    let count = UInt32.random(in: 0...12, using: &random)
    return RackState(subnets: (0..<count).map { index in
      let network = UInt32.random(in: 11...126, using: &random) << 24 | index << 16
      let length = Int.random(in: 20...30, using: &random)
      let prefix = IPv4Prefix(masking: IPv4Address(bits: network), length: length)
      let link = Int.random(in: 0...3, using: &random)
      let isRelayed = Bool.random(using: &random)
      let size = UInt32(1) << UInt32(32 - length)
      let first = prefix.network.bits
      let agent = IPv4Address(bits: first + 1)
      let hasPool = size >= 16 && Bool.random(using: &random)
      let pool: AddressPool =
        hasPool
        ? [AddressRange(first: IPv4Address(bits: first + size / 2), last: IPv4Address(bits: first + size - 2))] : []
      let nodes = Int.random(in: 0...min(40, Int(size / 2) - 2), using: &random)
      var next = subnet(
        UInt32.random(in: 1...0x00ff_ffff, using: &random) * 16 + index + 1, prefix: prefix, pool: pool,
        attachment: Attachment(interface: "link\(link)", agentAddress: agent, isRelayed: isRelayed),
        relays: isRelayed || Bool.random(using: &random) ? [IPv4Address(bits: network | 0xffff)] : [],
        bindings: (0..<nodes).map {
          let hasAddress = !hasPool || Bool.random(using: &random)
          return binding(
            $0 + 1, address: hasAddress ? IPv4Address(bits: first + 2 + UInt32($0)) : nil, in: UInt32(index))
        })
      if Bool.random(using: &random) { next.header.gateway = nil }
      if Bool.random(using: &random) { next.header.domain = nil }
      if Bool.random(using: &random) { next.header.dnsServers = [] }
      if Bool.random(using: &random) { next.header.ntpServers = [] }
      next.header.leaseSeconds = UInt32.random(in: 60...2_592_000, using: &random)
      next.answersDHCP = Int.random(in: 0..<5, using: &random) > 0
      return next
    })
  }
}

/// SplitMix64: the same sequence for the same seed everywhere.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
