internal import Provisioning

extension Node {
  /// What this node becomes by an update.
  ///
  /// - Parameters:
  ///   - request: What the operator wrote.
  ///   - paths: The mask. "name" renames to `newName`.
  /// - Throws: `InvalidFields` with every problem of mask and values.
  func updated(from request: NodeDraft, paths: [String], newName: String) throws(InvalidFields) -> NodeSpec {
    let existing = NodeDraft(spec)
    var merged = existing
    let others = paths.filter { $0 != "name" }
    if !others.isEmpty || paths.isEmpty {
      merged = try FieldTable.node.merge(request, paths: others, into: existing)
      merged.keepAddresses(of: existing)
    }
    if paths.contains("name") {
      guard !newName.isEmpty else {
        throw InvalidFields([
          FieldProblem(
            field: "new_name", value: "", code: .required, message: "is missing",
            fix: "give the new name, or leave 'name' out of the mask")
        ])
      }
      merged.name = newName
    } else if !newName.isEmpty {
      throw InvalidFields([
        FieldProblem(
          field: "update_mask", value: "", code: .required, message: "lacks 'name'", fix: "add it to rename the node")
      ])
    }
    do { return try merged.parse() } catch {
      throw paths.contains("name") ? error.renaming("name", to: "new_name") : error
    }
  }
}

extension NodeDraft {
  /// A replaced list of interfaces that says nothing about an address leaves it as it is while the interface's
  /// subnet stays.
  mutating func keepAddresses(of existing: NodeDraft) {
    for index in interfaces.indices where interfaces[index].address.isEmpty {
      let interface = interfaces[index]
      let before = existing.interfaces.first { $0.name == interface.name && $0.subnet == interface.subnet }
      if let before { interfaces[index].address = before.address }
    }
  }
}

extension InvalidFields {
  /// The same problems where one field goes by another name in this request.
  func renaming(_ field: String, to name: String) -> InvalidFields {
    InvalidFields(
      problems.map { problem in
        var copy = problem
        if copy.field == field { copy.field = name }
        return copy
      })
  }
}
