internal import Provisioning
internal import Store

/// The names that requests select resources by.
enum RequestNames {
  /// - Throws: `InvalidFields` naming `field` when the text is no name.
  static func parse<Kind>(
    _ text: String, _ field: String = "name", as kind: Kind.Type = Kind.self
  ) throws(InvalidFields) -> ResourceName<Kind> {
    var problems = Problems()
    guard let name = problems.name(field, text, Kind.self) else { throw InvalidFields(problems.list) }
    return name
  }

  /// Nil for an empty text.
  static func parseIfGiven<Kind>(
    _ text: String, _ field: String, as kind: Kind.Type = Kind.self
  ) throws(InvalidFields) -> ResourceName<Kind>? {
    text.isEmpty ? nil : try parse(text, field)
  }
}

/// How an operator names one node: by its name, one of its MACs, or `uid:` and its identifier.
enum NodeSelector: Sendable, Hashable {
  case name(NodeName)
  case mac(MACAddress)
  case uid(NodeID)

  static let uidPrefix = "uid:"

  init(_ text: String) throws(InvalidFields) {
    if text.hasPrefix(Self.uidPrefix) {
      do { self = .uid(try NodeID(String(text.dropFirst(Self.uidPrefix.count)))) } catch {
        throw InvalidFields([
          FieldProblem(field: "name", value: text, code: .identifierInvalid, message: "\(error)", fix: error.fix)
        ])
      }
    } else if text.contains(":") {
      var problems = Problems()
      guard let mac = problems.mac("name", text) else { throw InvalidFields(problems.list) }
      self = .mac(mac)
    } else {
      self = .name(try RequestNames.parse(text))
    }
  }

  /// The node as it is stored.
  ///
  /// - Throws: `Refusal.unknownNode`; `InvalidFields` when a MAC is on nodes of several fabrics.
  func find(in view: borrowing some StoreView & ~Copyable) throws -> Node {
    switch self {
    case .name(let name):
      if let node = try view.node(named: name) { return node }
      // `52-54-00-01-00-0b` could be a name, and is hardly anybody's.
      var problems = Problems()
      guard let mac = problems.mac("name", name.text) else { throw Refusal.unknownNode(name.text) }
      return try NodeSelector.mac(mac).find(in: view)
    case .uid(let id):
      guard let node = try view.node(id) else { throw Refusal.unknownNode("\(Self.uidPrefix)\(id)") }
      return node
    case .mac(let mac):
      let nodes = try view.nodes(with: mac)
      guard let node = nodes.first else { throw Refusal.unknownNode("with \(mac)") }
      guard nodes.count == 1 else {
        throw InvalidFields([
          FieldProblem(
            field: "name", value: mac.description, code: .duplicate,
            message: "is on \(nodes.map(\.name.text).joined(separator: " and ")), in different fabrics",
            fix: "give the node's name")
        ])
      }
      return node
    }
  }
}
