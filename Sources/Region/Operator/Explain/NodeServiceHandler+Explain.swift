internal import Provisioning
package import RPC
internal import Store
package import Wire

extension NodeServiceHandler {
  /// Why the node boots or does not, from one look at the store and one at the sessions.
  package func explainNode(
    _ request: MusterV1.ExplainNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.ExplainNodeResponse {
    try await answering {
      let selector = try NodeSelector(request.name)
      let now = context.clocks.now()
      let reading = try await context.store.read { try ExplainReading(selector, now: now, in: $0) }
      var facts = reading.facts
      facts.add(context.sessions)
      let findings = facts.findings()
      var response = MusterV1.ExplainNodeResponse()
      response.node = MusterV1.Node(reading.node, reading.standing)
      response.healthy = findings.isEmpty
      response.why = findings.map(\.why)
      response.fix = findings.map(\.fix).filter { !$0.isEmpty }
      response.reason = findings.first?.code ?? ""
      response.actor = reading.node.updatedBy.text
      response.changeTime = GoogleProtobuf.Timestamp(reading.node.updated)
      if let lease = reading.lease, lease.until > now {
        response.leaseAddress = lease.address.description
        response.leaseUntil = GoogleProtobuf.Timestamp(lease.until)
      }
      response.boot = facts.boot.map { step in
        MusterV1.BootStep(
          stage: MusterV1.BootStage(step.stage), time: GoogleProtobuf.Timestamp(step.time), failed: step.isFailed,
          detail: step.detail)
      }
      return response
    }
  }
}
