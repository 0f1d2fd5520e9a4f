internal import Provisioning

/// The fields of a resource by the names a mask gives them, and how each is taken from one draft into another.
///
/// A change is merged as words and parsed as a whole afterwards, so a value is checked by the same rules whether
/// it came alone or with the others.
struct FieldTable<Draft: Sendable>: Sendable {
  typealias Copy = @Sendable (_ target: inout Draft, _ source: Draft) -> Void

  /// What an operator may change.
  let settable: [String: Copy]
  /// What an operator gives once; true when two drafts agree on it.
  let immutable: [String: @Sendable (Draft, Draft) -> Bool]
  /// What only the region sets.
  let outputOnly: Set<String>
  /// The name the resource has in requests, for the paths of problems.
  let mask: String

  /// Masks with more paths are refused; no resource has that many fields.
  static var pathsMax: Int { 64 }

  /// `existing` with the fields that `paths` name taken from `request`. `*` names all settable fields
  /// (AIP-134).
  ///
  /// - Throws: `InvalidFields` with every path that cannot be changed.
  func merge(_ request: Draft, paths: [String], into existing: Draft) throws(InvalidFields) -> Draft {
    var merged = existing
    var problems: [FieldProblem] = []
    if paths.isEmpty {
      problems.append(
        FieldProblem(
          field: mask, value: "", code: .required, message: "is empty",
          fix: "name the fields to change, or '*' for all"))
    }
    for path in paths.prefix(Self.pathsMax) {
      if path == "*" {
        for copy in settable.values { copy(&merged, request) }
      } else if let copy = settable[path] {
        copy(&merged, request)
      } else if let problem = problem(with: path, request, existing) {
        problems.append(problem)
      }
    }
    if paths.count > Self.pathsMax {
      problems.append(
        FieldProblem(
          field: mask, value: "\(paths.count) paths", code: .tooMany,
          message: "has more than \(Self.pathsMax) paths", fix: "name each field once"))
    }
    guard problems.isEmpty else { throw InvalidFields(problems) }
    return merged
  }

  private func problem(with path: String, _ request: Draft, _ existing: Draft) -> FieldProblem? {
    if let isEqual = immutable[path] {
      guard !isEqual(request, existing) else { return nil }
      return FieldProblem(
        field: path, value: "", code: .immutable, message: "cannot be changed",
        fix: "remove it and add it anew, or leave the field out of the mask")
    }
    if outputOnly.contains(path) {
      return FieldProblem(
        field: path, value: "", code: .immutable, message: "is set by the region",
        fix: "leave it out of the mask")
    }
    let names = (Array(settable.keys) + Array(immutable.keys)).sorted()
    let meant = NearName.suggestion(for: path, among: names)
    return FieldProblem(
      field: mask, value: path, code: .fieldUnknown, message: "is not a field",
      fix: meant.map { "perhaps you mean '\($0)'" } ?? "the fields are \(settable.keys.sorted().joined(separator: ", "))")
  }
}
