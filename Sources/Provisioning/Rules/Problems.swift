/// Collects what is wrong with a request, so that its sender learns all of it at once.
package struct Problems: Sendable {
  package private(set) var list: [FieldProblem] = []

  package init() {}

  package var isEmpty: Bool { list.isEmpty }

  package mutating func add(
    _ field: String, _ value: String, _ code: ProblemCode, _ message: String, fix: String
  ) {
    list.append(FieldProblem(field: field, value: value, code: code, message: message, fix: fix))
  }

  package mutating func name<Kind>(_ field: String, _ text: String, _: Kind.Type) -> ResourceName<Kind>? {
    do { return try ResourceName<Kind>(text) } catch {
      add(field, text, error == .empty ? .required : .nameInvalid, "\(error)", fix: error.fix)
      return nil
    }
  }

  package mutating func mac(_ field: String, _ text: String) -> MACAddress? {
    do { return try MACAddress(text) } catch {
      add(field, text, .macInvalid, "\(error)", fix: error.fix)
      return nil
    }
  }

  /// An address that a host can have.
  package mutating func address(_ field: String, _ text: String) -> IPv4Address? {
    do {
      let address = try IPv4Address(text)
      if address.isHost { return address }
      add(field, text, .addressInvalid, "is not an address a host can have", fix: "choose another")
    } catch {
      add(field, text, .addressInvalid, "\(error)", fix: error.fix)
    }
    return nil
  }

  package mutating func addresses(_ field: String, _ texts: [String], max: Int) -> [IPv4Address] {
    atMost(max, field, texts.count)
    var seen: Set<IPv4Address> = []
    return texts.prefix(max).enumerated().compactMap { index, text in
      guard let address = address("\(field)[\(index)]", text) else { return nil }
      guard seen.insert(address).inserted else {
        add("\(field)[\(index)]", text, .duplicate, "is listed twice", fix: "remove one")
        return nil
      }
      return address
    }
  }

  package mutating func text(_ field: String, _ text: String) -> PlainText {
    do { return try PlainText(text) } catch {
      add(field, text, error.code, "\(error)", fix: error.fix)
      return .empty
    }
  }

  /// Complains if a list is too long.
  package mutating func atMost(_ max: Int, _ field: String, _ count: Int) {
    guard count > max else { return }
    add(field, "", .tooMany, "has \(count) entries, more than \(max)", fix: "give at most \(max)")
  }

  /// - Throws: `InvalidFields` if there is any problem.
  package func check() throws(InvalidFields) {
    if !list.isEmpty { throw InvalidFields(list) }
  }
}
