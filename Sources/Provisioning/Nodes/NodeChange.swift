/// A node before and after one write; the plan of a batch is made of these.
package struct NodeChange: Hashable, Sendable {
  /// `nil` if the node is added.
  package var before: Node?
  /// `nil` if the node is removed.
  package var after: Node?
  package var force: Bool

  package init(before: Node?, after: Node?, force: Bool = false) {
    self.before = before
    self.after = after
    self.force = force
  }

  package var id: NodeID {
    guard let id = after?.id ?? before?.id else { preconditionFailure("a change has a side") }
    return id
  }

  package var isUnchanged: Bool { before == after }
}

extension Node {
  /// This node with what an operator decided anew; itself if that is what it has already. The caller
  /// has replaced every `auto` by an address.
  ///
  /// An order to boot once ends when the node boots from somewhere else than where it was given for: the agent there may
  /// have carried it out and not been able to say so, and the next agent would do it again.
  package func replacing(
    spec: NodeSpec, state: NodeState?, hardware: Hardware?, at now: Timestamp, by actor: Actor
  ) -> Node {
    var node = self
    node.spec = spec
    if spec.bootOnce == self.spec.bootOnce, !spec.boots(onlyWhere: self.spec) { node.spec.bootOnce = nil }
    node.state = state ?? self.state
    node.hardware = hardware ?? self.hardware
    guard node != self else { return self }
    node.revision = revision.next
    node.updated = max(now, updated)
    node.updatedBy = actor
    // A new order to boot once gets a token of its own; the same order keeps the one it has.
    if node.spec.bootOnce != self.spec.bootOnce {
      node.bootOnceToken = node.spec.bootOnce == nil ? 0 : node.revision.number
    }
    return node
  }

  /// A node that did not exist.
  package static func adding(
    _ spec: NodeSpec, state: NodeState, hardware: Hardware, id: NodeID, at now: Timestamp, by actor: Actor
  ) -> Node {
    Node(
      id: id, spec: spec, state: state, revision: Revision(1), bootOnceToken: spec.bootOnce == nil ? 0 : 1,
      hardware: hardware, created: now, updated: now, updatedBy: actor)
  }

  /// The address that `auto` keeps: the one this node has in the same subnet on the interface of the
  /// same name, else with the same MAC.
  package func addressKept(for interface: NetworkInterface) -> IPv4Address? {
    let candidates = interfaces.filter { $0.subnet == interface.subnet && $0.address.fixed != nil }
    return (candidates.first { $0.name == interface.name } ?? candidates.first { $0.mac == interface.mac })?
      .address.fixed
  }
}
