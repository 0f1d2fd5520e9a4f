internal import Provisioning

extension Node {
  /// The write that turns an enlisted machine into a ready node.
  ///
  /// - Parameters:
  ///   - newName: Empty keeps the name.
  ///   - address: Of the boot interface: an address, `auto`, `dynamic`; empty means `auto`.
  ///   - bootProfile: Empty keeps what it has; a node that only enlists boots its disk from now on.
  /// - Throws: `Refusal.wrongState`, `InvalidFields`.
  func acceptance(
    newName: String, address: String, bootProfile: String, ifRevision: Revision?
  ) throws -> NodeWrite {
    var accepted = state
    do { _ = try accepted.accept() } catch { throw Refusal.wrongState(name, error) }
    var draft = NodeDraft(spec)
    if !newName.isEmpty { draft.name = newName }
    if !bootProfile.isEmpty {
      draft.bootProfile = bootProfile
    } else if spec.bootProfile == .enlist {
      draft.bootProfile = ProfileName.local.text
    }
    guard let slot = draft.interfaces.firstIndex(where: \.boot) ?? draft.interfaces.indices.first else {
      throw InvalidFields([
        FieldProblem(
          field: "name", value: name.text, code: .required, message: "has no interface",
          fix: "give it one with 'muster node update \(name)'")
      ])
    }
    draft.interfaces[slot].address = address.isEmpty ? "auto" : address
    do {
      return .replace(id, with: try draft.parse(), state: accepted, ifRevision: ifRevision)
    } catch {
      throw error.renaming("name", to: "new_name").renaming("interfaces[\(slot)].address", to: "address")
    }
  }
}
