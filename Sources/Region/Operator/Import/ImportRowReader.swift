internal import Provisioning
internal import Store
internal import Wire

/// One row of an import, ready to be held against the store.
struct ImportCandidate: Sendable {
  /// Its place in the import, from 0.
  var number: Int
  var draft: NodeDraft
  var paths: [String]
  /// Addresses chosen for interfaces that ask for `auto`, by their place in the node.
  var chosen: [Int: IPv4Address] = [:]
}

/// Finds the node a row is about and says what becomes of it, by the import's key.
struct ImportRowReader: Sendable {
  let key: MusterV1.ImportKey
  let force: Bool

  /// A row against the node it names.
  struct Reading: Sendable {
    var before: Node?
    /// With every `auto` that keeps its address, or for which one was chosen, replaced by it.
    var after: NodeSpec
    /// The interfaces that still need an address.
    var open: [Int]

    var isUnchanged: Bool { before?.spec == after }
  }

  /// - Throws: `InvalidFields` with all problems of the row; `StoreError`.
  func read(_ row: ImportCandidate, in view: borrowing some StoreView & ~Copyable) throws -> Reading {
    let before = try find(row.draft, in: view)
    let merged = try ImportRowMerge.merge(row.draft, paths: row.paths, into: before.map { NodeDraft($0.spec) })
    var after = try merged.parse()
    var open: [Int] = []
    for slot in after.interfaces.indices where after.interfaces[slot].address == .auto {
      if let kept = before?.addressKept(for: after.interfaces[slot]) ?? row.chosen[slot] {
        after.interfaces[slot].address = .fixed(kept)
      } else {
        open.append(slot)
      }
    }
    return Reading(before: before, after: after, open: open)
  }

  /// The write that carries the row out.
  func write(_ reading: Reading) -> NodeWrite {
    if let before = reading.before { return .replace(before.id, with: reading.after, force: force) }
    return .create(reading.after, force: force)
  }

  private func find(_ draft: NodeDraft, in view: borrowing some StoreView & ~Copyable) throws -> Node? {
    switch key {
    case .mac: return try find(byMACs: draft, in: view)
    case .serial: return try find(bySerial: draft, in: view)
    case .name, .unspecified, .unrecognized:
      return try view.node(named: try RequestNames.parse(draft.name))
    }
  }

  private func find(byMACs draft: NodeDraft, in view: borrowing some StoreView & ~Copyable) throws -> Node? {
    guard !draft.interfaces.isEmpty else {
      throw InvalidFields.missing("interfaces", fix: "with the key mac a row needs the MAC of an interface")
    }
    var problems = Problems()
    var found: [NodeID: Node] = [:]
    for (index, interface) in draft.interfaces.enumerated() where !interface.mac.isEmpty {
      guard let mac = problems.mac("interfaces[\(index)].mac", interface.mac) else { continue }
      for node in try view.nodes(with: mac) { found[node.id] = node }
    }
    try problems.check()
    guard found.count <= 1 else {
      let names = found.values.map(\.name).sorted().map(\.text).joined(separator: " and ")
      throw InvalidFields([
        FieldProblem(
          field: "interfaces", value: "", code: .duplicate, message: "have MACs of \(names)",
          fix: "import by name, or divide the row")
      ])
    }
    return found.values.first
  }

  private func find(bySerial draft: NodeDraft, in view: borrowing some StoreView & ~Copyable) throws -> Node? {
    guard !draft.serial.isEmpty else {
      throw InvalidFields.missing("serial", fix: "with the key serial every row needs one")
    }
    let serial: SerialNumber
    do { serial = try SerialNumber(draft.serial) } catch {
      throw InvalidFields([
        FieldProblem(field: "serial", value: draft.serial, code: error.code, message: "\(error)", fix: error.fix)
      ])
    }
    guard !serial.isPlaceholder else {
      throw InvalidFields([
        FieldProblem(
          field: "serial", value: draft.serial, code: .identifierInvalid, message: "is a placeholder and names nobody",
          fix: "import by name")
      ])
    }
    let nodes = try view.nodes(serial: serial)
    guard nodes.count <= 1 else {
      throw InvalidFields([
        FieldProblem(
          field: "serial", value: draft.serial, code: .duplicate,
          message: "is that of \(nodes.map(\.name).sorted().map(\.text).joined(separator: " and "))",
          fix: "import by name")
      ])
    }
    return nodes.first
  }
}
