internal import Foundation

/// Typed access to one JSON object, with errors that name the field.
struct JSONReader {
  struct Failure: Error {
    var field: String
    var value: String
    var message: String
    var fix: String
  }

  private let members: [String: Any]
  private let path: String

  init(_ bytes: [UInt8]) throws {
    let document: Any
    do {
      document = try JSONSerialization.jsonObject(with: Data(bytes))
    } catch {
      throw Failure(field: "", value: "", message: "not JSON", fix: "write one object a line")
    }
    guard let members = document as? [String: Any] else {
      throw Failure(field: "", value: "", message: "not a JSON object", fix: "write one object a line")
    }
    self.members = members
    path = ""
  }

  private init(_ members: [String: Any], path: String) {
    self.members = members
    self.path = path
  }

  private func field(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func refuseUnknown(known: [String], ignored: [String]) throws {
    for key in members.keys.sorted() where !known.contains(key) && !ignored.contains(key) {
      throw Failure(
        field: field(key), value: "", message: "unknown field\(Suggestion.clause(for: key, among: known))", fix: "")
    }
  }

  func string(_ key: String) throws -> String? {
    try value(key, "text") { $0 as? String }
  }

  func bool(_ key: String) throws -> Bool? {
    try value(key, "true or false") { ($0 as? NSNumber)?.boolValue }
  }

  func integer(_ key: String) throws -> Int? {
    try value(key, "a whole number") { ($0 as? NSNumber)?.intValue }
  }

  func strings(_ key: String) throws -> [String]? {
    try value(key, "a list of texts") { $0 as? [String] }
  }

  func object(_ key: String) throws -> JSONReader? {
    try value(key, "an object") { ($0 as? [String: Any]).map { JSONReader($0, path: field(key)) } }
  }

  func objects(_ key: String) throws -> [JSONReader]? {
    try value(key, "a list of objects") { raw in
      (raw as? [[String: Any]])?.enumerated().map { JSONReader($1, path: "\(field(key))[\($0)]") }
    }
  }

  private func value<Value>(_ key: String, _ expected: String, _ convert: (Any) -> Value?) throws -> Value? {
    guard let raw = members[key], !(raw is NSNull) else { return nil }
    guard let value = convert(raw) else {
      throw Failure(field: field(key), value: "\(raw)", message: "is not \(expected)", fix: "write \(expected)")
    }
    return value
  }
}
