internal import Provisioning
package import RPC
internal import Store
package import Wire

/// The operator's service for subnets. Who serves a subnet is decided in the transaction that adds or changes it.
package struct SubnetServiceHandler: MusterV1.SubnetService {
  let context: RegionContext
  let writes: OperatorWrites

  package init(context: RegionContext) {
    self.context = context
    writes = OperatorWrites(store: context.store)
  }

  package func listSubnets(
    _ request: MusterV1.ListSubnetsRequest, context call: ServerContext
  ) async throws -> MusterV1.ListSubnetsResponse {
    try await answering {
      var problems = Problems()
      let fabric = request.fabric.isEmpty ? nil : problems.name("fabric", request.fabric, FabricKind.self)
      let owner = request.owner.isEmpty ? nil : problems.name("owner", request.owner, AgentKind.self)
      try problems.check()
      let filter = SubnetFilter(fabric: fabric, owner: owner)
      let query = PageQuery(
        "ListSubnets", filters: ["fabric": fabric?.text ?? "", "owner": owner?.text ?? ""], order: "prefix")
      let page = try PageRequest(size: request.pageSize, token: request.pageToken, query: query)
      return try await context.store.read { snapshot in
        if let owner, try snapshot.agent(named: owner) == nil { throw Refusal.unknownAgent(owner.text) }
        let rows = try page.fill { try snapshot.subnets(filter, after: $0, limit: $1) }
        var response = MusterV1.ListSubnetsResponse()
        response.subnets = try rows.items.map { try Self.message($0, in: snapshot) }
        response.nextPageToken = page.token(after: rows.next)
        return response
      }
    }
  }

  package func getSubnet(
    _ request: MusterV1.GetSubnetRequest, context call: ServerContext
  ) async throws -> MusterV1.Subnet {
    try await answering {
      let name: SubnetName = try RequestNames.parse(request.name)
      return try await context.store.read { snapshot in
        guard let row = try snapshot.subnet(named: name) else { throw Refusal.unknownSubnet(name.text) }
        return try Self.message(row, in: snapshot)
      }
    }
  }

  package func createSubnet(
    _ request: MusterV1.CreateSubnetRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteSubnetResponse {
    try await answering {
      guard let subnet = request.subnet else { throw InvalidFields.missing("subnet", fix: "say which subnet to add") }
      let spec = try SubnetDraft(subnet).parse()
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { [placement = context.placement] transaction, actor in
        let result = try transaction.createSubnet(spec, by: actor)
        try placement.place(result.row.subnet.dhcpID, in: &transaction, by: actor)
        try transaction.record(
          Event(.subnetAdded, actor: actor, subnet: spec.name, message: "subnet \(spec.name) (\(spec.prefix)) added"))
        return try Self.response(result, in: transaction)
      }
    }
  }

  package func updateSubnet(
    _ request: MusterV1.UpdateSubnetRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteSubnetResponse {
    try await answering {
      guard let message = request.subnet else {
        throw InvalidFields.missing("subnet", fix: "say which subnet to change")
      }
      let name: SubnetName = try RequestNames.parse(message.name)
      let draft = SubnetDraft(message)
      let response: MusterV1.WriteSubnetResponse = try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { [placement = context.placement] transaction, actor in
        guard let before = try transaction.subnet(named: name) else { throw Refusal.unknownSubnet(name.text) }
        let revision = Revision(ifGiven: request.ifRevision)
        if let revision, revision != before.subnet.revision { throw before.subnet.stale(read: revision) }
        let merged = try FieldTable.subnet.merge(
          draft, paths: request.updateMask?.paths ?? [], into: SubnetDraft(before.subnet.spec))
        let spec = try merged.parse()
        // "DHCP on" said again is how an operator tells the agent to look once more for a foreign server.
        let reaffirm = spec == before.subnet.spec && spec.isDHCPOn && before.progress.trouble?.isForeignServer == true
          && request.updateMask?.paths.contains("dhcp_enabled") == true
        let result = try transaction.replaceSubnet(
          name, with: spec, ifRevision: revision, reaffirm: reaffirm, by: actor)
        guard result.outcome != .unchanged else { return try Self.response(result, in: transaction) }
        if spec.agents != before.subnet.spec.agents { try placement.checkStaysServed(result.row, in: transaction) }
        try placement.place(before.subnet.dhcpID, in: &transaction, by: actor)
        let fields = reaffirm ? "dhcp said again" : before.subnet.spec.changedFields(to: spec).joined(separator: ", ")
        try transaction.record(
          Event(.subnetUpdated, actor: actor, subnet: name, message: "subnet \(name) updated: \(fields)"))
        var response = try Self.response(result, in: transaction)
        if response.generations.isEmpty, spec.agents != before.subnet.spec.agents {
          // The rows are as they were; what can be waited for is that the next owner serves them.
          response.generations = [.init(subnet: name.text, generation: response.subnet?.status?.head ?? 0)]
        }
        return response
      }
      // An owner that may not keep the subnet any more is asked to stop by its session, which has to look.
      if let owner = response.subnet?.status?.owner, let agent = try RequestNames.parseIfGiven(owner, "owner", as: AgentKind.self) {
        context.hub.wake(.assignments(agent))
      }
      return response
    }
  }

  package func deleteSubnet(
    _ request: MusterV1.DeleteSubnetRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteSubnetResponse {
    try await answering {
      let name: SubnetName = try RequestNames.parse(request.name)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let result = try transaction.removeSubnet(name, ifRevision: Revision(ifGiven: request.ifRevision))
        try transaction.record(Event(.subnetRemoved, actor: actor, subnet: name, message: "subnet \(name) removed"))
        var response = MusterV1.WriteSubnetResponse()
        response.subnet = MusterV1.Subnet(result.row.subnet)
        response.outcome = MusterV1.WriteOutcome(result.outcome)
        return response
      }
    }
  }
}

extension SubnetServiceHandler {
  /// The subnet as the transaction leaves it, which may have changed its owner after the write.
  private static func response(
    _ result: SubnetWriteResult, in transaction: borrowing Transaction
  ) throws -> MusterV1.WriteSubnetResponse {
    let row = try transaction.subnet(result.row.subnet.dhcpID) ?? result.row
    var response = MusterV1.WriteSubnetResponse()
    response.subnet = try message(row, in: transaction)
    response.outcome = MusterV1.WriteOutcome(result.outcome)
    response.generations = result.generations.map(MusterV1.SubnetGeneration.init)
    return response
  }

  static func message(_ row: SubnetRow, in view: borrowing some StoreView & ~Copyable) throws -> MusterV1.Subnet {
    let status = MusterV1.SubnetStatus(
      row.progress, pool: row.subnet.spec.pool, poolUsed: UInt64(try view.poolUse(of: row.subnet)), reason: row.reason)
    return MusterV1.Subnet(row.subnet, status: status)
  }
}

extension SubnetRow {
  /// Why the subnet is not served; empty when it is.
  var reason: String {
    if progress.owner == nil { return "no agent can serve \(subnet.name)" }
    if !subnet.spec.isDHCPOn { return "" }
    return progress.trouble?.message ?? ""
  }
}

extension Subnet {
  func stale(read: Revision) -> Refusal {
    .stale(what: "subnet \(name)", read: read, now: revision, by: updatedBy, at: updated)
  }
}

extension SubnetSpec {
  /// The fields that differ in `after`, by their names in the contract.
  func changedFields(to after: SubnetSpec) -> [String] {
    var fields: [String] = []
    if vlan != after.vlan { fields.append("vlan") }
    if gateway != after.gateway { fields.append("gateway") }
    if pool != after.pool { fields.append("pools") }
    if dnsServers != after.dnsServers { fields.append("dns_servers") }
    if domain != after.domain { fields.append("domain") }
    if ntpServers != after.ntpServers { fields.append("ntp_servers") }
    if leaseSeconds != after.leaseSeconds { fields.append("lease") }
    if isDHCPOn != after.isDHCPOn { fields.append(after.isDHCPOn ? "DHCP on" : "DHCP off") }
    if relays != after.relays { fields.append("relays") }
    if agents != after.agents { fields.append("agents") }
    return fields
  }
}
