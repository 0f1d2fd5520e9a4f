internal import Provisioning
internal import Store

/// What a batch of node writes says in the list of events.
///
/// A few nodes get an event each; a large batch gets one for all, or an import of a million nodes would push out
/// everything else that is kept.
struct NodeEvents {
  /// Nodes up to which each gets an event of its own.
  static let singleMax = 100

  private let results: [NodeWriteResult]
  private let actor: Actor
  private let kind: EventKind?

  /// - Parameter kind: For a single write that is more than an update, for example an acceptance.
  init(_ results: [NodeWriteResult], actor: Actor, kind: EventKind? = nil) {
    self.results = results.filter { $0.done != .unchanged }
    self.actor = actor
    self.kind = kind
  }

  func record(in transaction: inout Transaction) throws {
    guard !results.isEmpty else { return }
    if results.count <= Self.singleMax {
      for result in results { try record(result, in: &transaction) }
      return
    }
    for (outcome, kind, word) in [
      (WriteOutcome.added, EventKind.nodeAdded, "added"), (.updated, .nodeUpdated, "updated"),
      (.removed, .nodeRemoved, "removed"),
    ] {
      let count = results.count { $0.done == outcome }
      guard count > 0 else { continue }
      try transaction.record(Event(kind, actor: actor, message: "\(counted(count, "node")) \(word)"))
    }
  }

  private func record(_ result: NodeWriteResult, in transaction: inout Transaction) throws {
    guard let node = result.node else { return }
    let subnet = node.spec.bootInterface?.subnet
    switch result.done {
    case .unchanged: return
    case .added:
      try transaction.record(
        Event(kind ?? .nodeAdded, actor: actor, node: node.name, subnet: subnet, message: "node \(node.name) added"))
    case .removed:
      try transaction.record(
        Event(.nodeRemoved, actor: actor, node: node.name, subnet: subnet, message: "node \(node.name) removed"))
    case .updated:
      let changes = result.before?.spec.changes(to: node.spec) ?? []
      let words = changes.map { "\($0.field) \($0.before.isEmpty ? "-" : $0.before) -> \($0.after.isEmpty ? "-" : $0.after)" }
      let verb = kind == .nodeAccepted ? "accepted" : "updated"
      let text = "node \(node.name) \(verb)" + (words.isEmpty ? "" : ": \(words.joined(separator: ", "))")
      try transaction.record(
        Event(kind ?? .nodeUpdated, actor: actor, node: node.name, subnet: subnet, message: text))
    }
  }
}
