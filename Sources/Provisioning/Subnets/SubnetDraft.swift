/// A subnet as an operator wrote it. Empty texts and zeros mean "not given", as in the contract.
package struct SubnetDraft: Hashable, Sendable {
  package var name: String
  package var fabric: String
  package var prefix: String
  package var vlan: UInt32
  package var gateway: String
  package var pools: [String]
  package var dnsServers: [String]
  package var domain: String
  package var ntpServers: [String]
  /// 0 for the default.
  package var leaseSeconds: Int64
  package var isDHCPOn: Bool
  package var relays: [String]
  package var agents: [String]

  package init(
    name: String = "", fabric: String = "", prefix: String = "", vlan: UInt32 = 0, gateway: String = "",
    pools: [String] = [], dnsServers: [String] = [], domain: String = "", ntpServers: [String] = [],
    leaseSeconds: Int64 = 0, isDHCPOn: Bool = false, relays: [String] = [], agents: [String] = []
  ) {
    self.name = name
    self.fabric = fabric
    self.prefix = prefix
    self.vlan = vlan
    self.gateway = gateway
    self.pools = pools
    self.dnsServers = dnsServers
    self.domain = domain
    self.ntpServers = ntpServers
    self.leaseSeconds = leaseSeconds
    self.isDHCPOn = isDHCPOn
    self.relays = relays
    self.agents = agents
  }

  /// The words that mean `spec`; an update overlays them with what the operator changed.
  package init(_ spec: SubnetSpec) {
    self.init(
      name: spec.name.text, fabric: spec.fabric.text, prefix: spec.prefix.description,
      vlan: UInt32(spec.vlan ?? 0), gateway: spec.gateway?.description ?? "",
      pools: spec.pool.ranges.map(\.description), dnsServers: spec.dnsServers.map(\.description),
      domain: spec.domain?.text ?? "", ntpServers: spec.ntpServers.map(\.description),
      leaseSeconds: Int64(spec.leaseSeconds), isDHCPOn: spec.isDHCPOn,
      relays: spec.relays.map(\.description), agents: spec.agents.map(\.text))
  }
}

extension SubnetDraft {
  /// What the draft means, checked as far as it can be by itself; overlaps with other subnets are
  /// for the store to find.
  ///
  /// - Throws: `InvalidFields` with all problems, in the order of the fields.
  package func parse() throws(InvalidFields) -> SubnetSpec {
    var problems = Problems()
    let name = problems.name("name", self.name, SubnetKind.self)
    let fabric = self.fabric.isEmpty ? .default : problems.name("fabric", self.fabric, FabricKind.self)
    let prefix = parsePrefix(&problems)
    if vlan != 0, !SubnetSpec.vlanRange.contains(UInt16(clamping: vlan)) || vlan > 4094 {
      problems.add("vlan", "\(vlan)", .numberOutOfRange, "is not a VLAN", fix: "give 1 to 4094, or 0 for untagged")
    }
    let gateway = self.gateway.isEmpty ? nil : problems.address("gateway", self.gateway)
    let pool = parsePool(&problems)
    let dns = problems.addresses("dns_servers", dnsServers, max: SubnetSpec.dnsServersMax)
    let domain = parseDomain(&problems)
    let ntp = problems.addresses("ntp_servers", ntpServers, max: SubnetSpec.ntpServersMax)
    let lease = parseLease(&problems)
    let relays = problems.addresses("relays", self.relays, max: SubnetSpec.relaysMax)
    let agents = parseAgents(&problems)
    if let name, let fabric, let prefix, problems.isEmpty {
      let spec = SubnetSpec(
        name: name, fabric: fabric, prefix: prefix, vlan: vlan == 0 ? nil : UInt16(vlan),
        gateway: gateway, pool: pool, dnsServers: dns, domain: domain, ntpServers: ntp,
        leaseSeconds: lease, isDHCPOn: isDHCPOn, relays: relays, agents: agents)
      spec.check(&problems)
      if problems.isEmpty { return spec }
    }
    throw InvalidFields(problems.list)
  }

  private func parsePrefix(_ problems: inout Problems) -> IPv4Prefix? {
    guard !prefix.isEmpty else {
      return problems.missing("prefix", fix: "give the subnet's prefix, as in 10.1.0.0/22")
    }
    do { return try IPv4Prefix(prefix) } catch {
      // Nobody is told to write what is refused next.
      if case .hostBits(let meant) = error, let (message, fix) = SubnetSpec.whatIsWrong(with: meant) {
        problems.add("prefix", prefix, .prefixInvalid, message, fix: fix)
      } else {
        problems.add("prefix", prefix, .prefixInvalid, "\(error)", fix: error.fix)
      }
      return nil
    }
  }

  private func parsePool(_ problems: inout Problems) -> AddressPool {
    problems.atMost(AddressPool.rangesMax, "pools", pools.count)
    var ranges: [AddressRange] = []
    for (index, text) in pools.prefix(AddressPool.rangesMax).enumerated() {
      do { ranges.append(try AddressRange(text)) } catch {
        problems.add("pools[\(index)]", text, .poolInvalid, "\(error)", fix: error.fix)
      }
    }
    do { return try AddressPool(ranges) } catch {
      if case .overlap(let a, let b) = error {
        // The first of two equal texts is not the one in the way.
        let field = pools.lastIndex(of: "\(b)").map { "pools[\($0)]" } ?? "pools"
        problems.add(field, "\(b)", .poolOverlap, "overlaps \(a)", fix: "join them or move one")
      }
      return .empty
    }
  }

  private func parseDomain(_ problems: inout Problems) -> DomainName? {
    guard !domain.isEmpty else { return nil }
    do { return try DomainName(domain) } catch {
      problems.add("domain", domain, .nameInvalid, "\(error)", fix: error.fix)
      return nil
    }
  }

  private func parseLease(_ problems: inout Problems) -> UInt32 {
    guard leaseSeconds != 0 else { return SubnetSpec.leaseSecondsDefault }
    if let lease = UInt32(exactly: leaseSeconds), SubnetSpec.leaseSecondsRange.contains(lease) { return lease }
    problems.add("lease", "\(leaseSeconds)s", .numberOutOfRange, "is not a lease time", fix: "give 60s to 30d")
    return SubnetSpec.leaseSecondsDefault
  }

  private func parseAgents(_ problems: inout Problems) -> [AgentName] {
    problems.atMost(SubnetSpec.agentsMax, "agents", agents.count)
    var names: Set<AgentName> = []
    for (index, text) in agents.prefix(SubnetSpec.agentsMax).enumerated() {
      if let name = problems.name("agents[\(index)]", text, AgentKind.self) { names.insert(name) }
    }
    return names.sorted()
  }
}
