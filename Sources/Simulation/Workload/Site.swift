internal import Provisioning
internal import Pserv

/// What stands where in a simulated data centre: racks' hosts, the links between them and the machines, and the numbers
/// by which everything is called.
struct Site {
  /// Subnets, each a link of its own: 10.1.0.0/24, 10.2.0.0/24, …
  let subnetCount: Int
  /// Hosts with an agent; every link reaches `agentsPerSubnet` of them.
  let agentCount: Int
  let agentsPerSubnet: Int

  func subnet(_ index: Int) -> String { "hall\(index + 1)" }
  func prefix(_ index: Int) -> String { "10.\(index + 1).0.0/24" }
  func gateway(_ index: Int) -> String { "10.\(index + 1).0.1" }
  func address(_ index: Int, _ host: Int) -> IPv4Address {
    IPv4Address(bits: 10 << 24 | UInt32(index + 1) << 16 | UInt32(host))
  }

  func agent(_ index: Int) -> AgentName {
    do { return try AgentName("rack\(index + 1)") } catch { preconditionFailure("\(error)") }
  }

  /// The hosts that the link of a subnet reaches.
  func agents(on subnet: Int) -> [Int] { (0..<agentsPerSubnet).map { (subnet + $0) % agentCount } }

  /// The own address of a host on a subnet's link.
  func agentAddress(_ agent: Int, on subnet: Int) -> IPv4Address { address(subnet, 240 + agent) }

  /// The own addresses of a host, one interface each.
  func addresses(of agent: Int) -> [LinkAddress] {
    (0..<subnetCount).filter { agents(on: $0).contains(agent) }
      .map { LinkAddress(address: agentAddress(agent, on: $0), prefixLength: 24) }
  }

  func node(_ index: Int) -> String { "n\(index)" }

  func mac(_ index: Int) -> MACAddress {
    do { return try MACAddress(bits: 0x0200_0000_0000 + UInt64(index)) } catch { preconditionFailure("\(error)") }
  }
}
