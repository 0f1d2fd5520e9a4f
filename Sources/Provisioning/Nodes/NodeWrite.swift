/// One change to one node, as the region asks the store for it.
package struct NodeWrite: Hashable, Sendable {
  package var target: Target
  /// Refuse unless the node is at this revision.
  package var ifRevision: Revision?
  /// Take addresses that are still held. It risks that two machines use one until a lease ends.
  package var force: Bool

  package enum Target: Hashable, Sendable {
    case create(NodeSpec, state: NodeState, hardware: Hardware)
    /// Everything an operator decides, with the name; `nil` leaves state and hardware as they are.
    case replace(NodeID, NodeSpec, state: NodeState?, hardware: Hardware?)
    case remove(NodeID)
  }

  /// The most writes in one batch.
  package static let countMax = 10_000

  private init(_ target: Target, ifRevision: Revision?, force: Bool) {
    self.target = target
    self.ifRevision = ifRevision
    self.force = force
  }

  package static func create(
    _ spec: NodeSpec, state: NodeState = .ready, hardware: Hardware = Hardware(), force: Bool = false
  ) -> NodeWrite {
    NodeWrite(.create(spec, state: state, hardware: hardware), ifRevision: nil, force: force)
  }

  package static func replace(
    _ id: NodeID, with spec: NodeSpec, state: NodeState? = nil, hardware: Hardware? = nil,
    ifRevision: Revision? = nil, force: Bool = false
  ) -> NodeWrite {
    NodeWrite(.replace(id, spec, state: state, hardware: hardware), ifRevision: ifRevision, force: force)
  }

  package static func remove(_ id: NodeID, ifRevision: Revision? = nil) -> NodeWrite {
    NodeWrite(.remove(id), ifRevision: ifRevision, force: false)
  }

  package var spec: NodeSpec? {
    switch target {
    case .create(let spec, _, _): spec
    case .replace(_, let spec, _, _): spec
    case .remove: nil
    }
  }
}

/// How a write to one resource ended.
package enum WriteOutcome: Hashable, Sendable {
  case added, updated, unchanged, removed
}

/// How one write of a batch ended.
package struct NodeWriteResult: Hashable, Sendable {
  package var outcome: Outcome
  /// The node as it is now; as it last was after a removal; `nil` if it was refused.
  package var node: Node?
  /// The node as it was; `nil` if it was added.
  package var before: Node?

  package enum Outcome: Hashable, Sendable {
    case done(WriteOutcome)
    case refused(Refusal)
  }

  package init(outcome: Outcome, node: Node?, before: Node?) {
    self.outcome = outcome
    self.node = node
    self.before = before
  }
}

/// How a batch ended.
package struct NodeBatchResult: Hashable, Sendable {
  /// In the order of the writes.
  package var results: [NodeWriteResult]
  /// What to wait for, in the order of the subnets' numbers; empty if nothing changed.
  package var generations: [SubnetGeneration]

  package init(results: [NodeWriteResult], generations: [SubnetGeneration]) {
    self.results = results
    self.generations = generations
  }
}

/// Which writes of a batch are carried out if some are refused.
package enum BatchMode: Hashable, Sendable {
  /// None.
  case allOrNone
  /// Those that stand without the refused ones.
  case goodOnes
}

/// A batch of which nothing was applied.
package struct BatchRefused: Error, Hashable, Sendable {
  /// By the index of the write.
  package var refusals: [Int: Refusal]

  package init(_ refusals: [Int: Refusal]) {
    self.refusals = refusals
  }

  /// All problems with `writes[i].` before the field, in the order of the writes.
  package var problems: [FieldProblem] {
    refusals.sorted { $0.key < $1.key }.flatMap { index, refusal in
      refusal.problems.map { $0.under("writes[\(index)]") }
    }
  }
}

extension Refusal {
  /// The refusal as problems with fields, as a line of a batch or an import reports it.
  package var problems: [FieldProblem] {
    switch self {
    case .invalid(let problems):
      return problems
    case .nodeExists(let name):
      let message = "is the name of another node"
      return [FieldProblem(field: "name", value: "\(name)", code: .nameTaken, message: message, fix: "choose another")]
    case .unknownNode(let name):
      return [
        FieldProblem(field: "name", value: name, code: .nodeUnknown, message: "is not a node", fix: "add it first")
      ]
    case .stale:
      return [
        FieldProblem(field: "revision", value: "", code: .staleRevision, message: description, fix: "read it again")
      ]
    default:
      return [FieldProblem(field: "", value: "", code: .refused, message: description, fix: "")]
    }
  }
}
