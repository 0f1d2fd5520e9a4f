package import RPC
package import Wire
internal import Provisioning
internal import Store

/// The operator's service for nodes: each call is parsed, carried out in one transaction, and answered with what
/// became of it. Imports stand in `Import`, explanations in `Explain`.
package struct NodeServiceHandler: MusterV1.NodeService {
  let context: RegionContext
  let writes: OperatorWrites
  let imports: ImportGate

  package init(context: RegionContext) {
    self.context = context
    writes = OperatorWrites(store: context.store)
    imports = ImportGate()
  }

  package func getNode(
    _ request: MusterV1.GetNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.Node {
    try await answering {
      let selector = try NodeSelector(request.name)
      return try await context.store.read { snapshot in
        let node = try selector.find(in: snapshot)
        var statuses = NodeStatusReader()
        return MusterV1.Node(node, try statuses.standing(of: node, in: snapshot))
      }
    }
  }

  package func createNode(
    _ request: MusterV1.CreateNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteNodeResponse {
    try await answering {
      guard let node = request.node else { throw InvalidFields.missing("node", fix: "say which node to add") }
      let spec = try NodeDraft(node).parse()
      let force = request.force
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        try Self.write(.create(spec, force: force), .nodeAdded, by: actor, in: &transaction)
      }
    }
  }

  package func updateNode(
    _ request: MusterV1.UpdateNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteNodeResponse {
    try await answering {
      guard let message = request.node else { throw InvalidFields.missing("node", fix: "say which node to change") }
      let name: NodeName = try RequestNames.parse(message.name)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let write = try Self.update(request, name, in: transaction)
        return try Self.write(write, .nodeUpdated, by: actor, in: &transaction)
      }
    }
  }

  package func deleteNode(
    _ request: MusterV1.DeleteNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteNodeResponse {
    try await answering {
      let selector = NodeSelector.name(try RequestNames.parse(request.name))
      let revision = Revision(ifGiven: request.ifRevision)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let node = try selector.find(in: transaction)
        return try Self.write(.remove(node.id, ifRevision: revision), .nodeRemoved, by: actor, in: &transaction)
      }
    }
  }

  package func acceptNode(
    _ request: MusterV1.AcceptNodeRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteNodeResponse {
    try await answering {
      let selector = NodeSelector.name(try RequestNames.parse(request.name))
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let node = try selector.find(in: transaction)
        let write = try node.acceptance(
          newName: request.newName, address: request.address, bootProfile: request.bootProfile,
          ifRevision: Revision(ifGiven: request.ifRevision))
        return try Self.write(write, .nodeAccepted, by: actor, in: &transaction)
      }
    }
  }

  package func batchWriteNodes(
    _ request: MusterV1.BatchWriteNodesRequest, context call: ServerContext
  ) async throws -> MusterV1.BatchWriteNodesResponse {
    try await answering {
      let batch = try NodeBatchDraft(request)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let result = try transaction.write(try batch.writes(in: transaction), by: actor)
        try NodeEvents(result.results, actor: actor).record(in: &transaction)
        var response = MusterV1.BatchWriteNodesResponse()
        response.outcomes = result.results.map { MusterV1.WriteOutcome($0.done) }
        response.generations = result.generations.map(MusterV1.SubnetGeneration.init)
        return response
      }
    }
  }
}

extension NodeServiceHandler {
  /// The write that an update asks for, judged on the node as the transaction finds it.
  static func update(
    _ request: MusterV1.UpdateNodeRequest, _ name: NodeName, in transaction: borrowing Transaction
  ) throws -> NodeWrite {
    let node = try NodeSelector.name(name).find(in: transaction)
    let revision = Revision(ifGiven: request.ifRevision)
    if let revision, revision != node.revision {
      throw Refusal.stale(
        what: "node \(name)", read: revision, now: node.revision, by: node.updatedBy, at: node.updated)
    }
    let spec = try node.updated(
      from: NodeDraft(request.node ?? MusterV1.Node()), paths: request.updateMask?.paths ?? [],
      newName: request.newName)
    return .replace(node.id, with: spec, ifRevision: revision, force: request.force)
  }

  /// Carries out one write and says what became of the node.
  private static func write(
    _ write: NodeWrite, _ kind: EventKind, by actor: Actor, in transaction: inout Transaction
  ) throws -> MusterV1.WriteNodeResponse {
    let result = try transaction.write(write, by: actor)
    guard let written = result.results.first, let node = written.node else {
      preconditionFailure("a write that is not refused has a node")
    }
    try NodeEvents(result.results, actor: actor, kind: kind).record(in: &transaction)
    var statuses = NodeStatusReader()
    var response = MusterV1.WriteNodeResponse()
    response.node = MusterV1.Node(node, try statuses.standing(of: node, in: transaction))
    response.outcome = MusterV1.WriteOutcome(written.done)
    response.generations = result.generations.map(MusterV1.SubnetGeneration.init)
    return response
  }
}

extension NodeWriteResult {
  /// The outcome of a write in a batch that was not refused as a whole.
  var done: WriteOutcome {
    if case .done(let outcome) = outcome { outcome } else { .unchanged }
  }
}

extension Revision {
  /// Nil for 0, which asks for none.
  init?(ifGiven number: UInt64) {
    guard number > 0 else { return nil }
    self.init(number)
  }
}

extension InvalidFields {
  /// A request without the field it is about.
  static func missing(_ field: String, fix: String) -> InvalidFields {
    InvalidFields([
      FieldProblem(field: field, value: "", code: .required, message: "is missing", fix: fix)
    ])
  }
}
