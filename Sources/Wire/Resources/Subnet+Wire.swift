package import Provisioning
internal import RPC

extension SubnetDraft {
  /// What a request says of a subnet, in words; `parse()` says what is wrong with them. Output-only fields are
  /// not looked at.
  package init(_ subnet: MusterV1.Subnet) {
    self.init(
      name: subnet.name, fabric: subnet.fabric, prefix: subnet.prefix, vlan: subnet.vlan,
      gateway: subnet.gateway, pools: subnet.pools, dnsServers: subnet.dnsServers, domain: subnet.domain,
      ntpServers: subnet.ntpServers, leaseSeconds: subnet.lease?.secondsRoundedUp ?? 0,
      isDHCPOn: subnet.dhcpEnabled, relays: subnet.relays, agents: subnet.agents)
  }
}

extension MusterV1.Subnet {
  /// A subnet as operators see it.
  package init(_ subnet: Subnet, status: MusterV1.SubnetStatus? = nil) {
    self.init(SubnetDraft(subnet.spec))
    uid = subnet.id.description
    revision = subnet.revision.number
    dhcpId = subnet.dhcpID.number
    createTime = GoogleProtobuf.Timestamp(subnet.created)
    updateTime = GoogleProtobuf.Timestamp(subnet.updated)
    self.status = status
  }

  /// What an operator decides about a subnet, in the words of a request.
  package init(_ draft: SubnetDraft) {
    self.init(
      name: draft.name, fabric: draft.fabric, prefix: draft.prefix, vlan: draft.vlan, gateway: draft.gateway,
      pools: draft.pools, dnsServers: draft.dnsServers, domain: draft.domain, ntpServers: draft.ntpServers,
      lease: draft.leaseSeconds == 0 ? nil : GoogleProtobuf.Duration(seconds: draft.leaseSeconds),
      dhcpEnabled: draft.isDHCPOn, relays: draft.relays, agents: draft.agents)
  }
}

extension MusterV1.SubnetStatus {
  /// - Parameters:
  ///   - pool: The subnet's pool, for its size.
  ///   - poolUsed: Pool addresses with an active lease, as last observed.
  ///   - reason: Why the subnet is not served; nil takes the owner's trouble, or that there is no owner.
  package init(_ progress: SubnetProgress, pool: AddressPool, poolUsed: UInt64, reason: String? = nil) {
    self.init(
      owner: progress.owner?.text ?? "", epoch: progress.epoch.number, head: progress.head.number,
      applied: progress.applied.number, nodes: UInt64(progress.bindings), poolSize: UInt64(pool.count),
      poolUsed: poolUsed, quarantined: UInt32(clamping: progress.rejected),
      reason: reason ?? progress.reason, digest: progress.digest.description)
  }
}

extension SubnetProgress {
  fileprivate var reason: String {
    if let trouble { return trouble.message.isEmpty ? trouble.code : trouble.message }
    return owner == nil ? "no agent can serve it" : ""
  }
}
