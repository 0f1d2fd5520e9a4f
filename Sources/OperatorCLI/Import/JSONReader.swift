/// Typed access to one JSON object, with errors that name the field.
struct JSONReader {
  private let members: [JSONValue.Member]
  private let path: String

  init(_ octets: [UInt8]) throws(RowProblem) {
    let document: JSONValue
    do { document = try JSONParser.parse(octets) } catch {
      switch error {
      case .notJSON(let octet):
        throw Self.problem("not JSON, from octet \(octet) on", fix: "write one object a line")
      case .tooDeep:
        throw Self.problem("nested deeper than \(JSONParser.depthMax) levels", fix: "write it as 'export' does")
      case .duplicate(let path):
        throw Self.problem(path, "stands twice", fix: "write each field once")
      }
    }
    guard case .object(let members) = document else {
      throw Self.problem("not a JSON object", fix: "write one object a line")
    }
    self.init(members, path: "")
  }

  private init(_ members: [JSONValue.Member], path: String) {
    self.members = members
    self.path = path
  }

  private func field(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func refuseUnknown(known: [String], ignored: [String]) throws(RowProblem) {
    for key in members.map(\.key).sorted() where !known.contains(key) && !ignored.contains(key) {
      throw Self.problem(field(key), "unknown field\(Suggestion.clause(for: key, among: known))")
    }
  }

  func string(_ key: String) throws(RowProblem) -> String? {
    let text: String? = try value(key, "text") { if case .string(let text) = $0 { text } else { nil } }
    if let text { try Self.refuseNUL(in: text, field(key)) }
    return text
  }

  func bool(_ key: String) throws(RowProblem) -> Bool? {
    try value(key, "true or false") { if case .bool(let flag) = $0 { flag } else { nil } }
  }

  func integer(_ key: String) throws(RowProblem) -> Int64? {
    try value(key, "a whole number") { if case .integer(let number) = $0 { number } else { nil } }
  }

  func strings(_ key: String) throws(RowProblem) -> [String]? {
    let texts: [String]? = try value(key, "a list of texts") { value in
      Self.all(value) { if case .string(let text) = $0 { text } else { nil } }
    }
    for (index, text) in (texts ?? []).enumerated() { try Self.refuseNUL(in: text, "\(field(key))[\(index)]") }
    return texts
  }

  func object(_ key: String) throws(RowProblem) -> JSONReader? {
    try value(key, "an object") { self.reader($0, field(key)) }
  }

  func objects(_ key: String) throws(RowProblem) -> [JSONReader]? {
    try value(key, "a list of objects") { value in
      guard case .array(let values) = value else { return nil }
      let readers = values.enumerated().compactMap { reader($1, "\(field(key))[\($0)]") }
      return readers.count == values.count ? readers : nil
    }
  }

  private func reader(_ value: JSONValue, _ path: String) -> JSONReader? {
    if case .object(let members) = value { JSONReader(members, path: path) } else { nil }
  }

  /// The elements of a list, if it is one and each converts.
  private static func all<Element>(_ value: JSONValue, _ convert: (JSONValue) -> Element?) -> [Element]? {
    guard case .array(let values) = value else { return nil }
    let elements = values.compactMap(convert)
    return elements.count == values.count ? elements : nil
  }

  /// Nil when the member is missing or `null`.
  private func value<Value>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> Value?
  ) throws(RowProblem) -> Value? {
    guard let raw = members.first(where: { $0.key == key })?.value, raw != .null else { return nil }
    guard let value = convert(raw) else {
      let shown = if case .string(let text) = raw { text } else { raw.text }
      throw Self.problem(field(key), shown, "is not \(expected)", fix: "write \(expected)")
    }
    return value
  }

  /// A C string ends at a NUL, so the wire cannot carry one and would change the text.
  private static func refuseNUL(in text: String, _ field: String) throws(RowProblem) {
    guard text.utf8.contains(0) else { return }
    throw problem(field, "contains the unprintable character U+0000", fix: "remove that character")
  }

  private static func problem(_ message: String, fix: String) -> RowProblem { problem("", "", message, fix: fix) }

  private static func problem(_ field: String, _ message: String, fix: String = "") -> RowProblem {
    problem(field, "", message, fix: fix)
  }

  private static func problem(_ field: String, _ value: String, _ message: String, fix: String) -> RowProblem {
    RowProblem(field: field, value: value, code: "JSON_INVALID", message: message, fix: fix)
  }
}
