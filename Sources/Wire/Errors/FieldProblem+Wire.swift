package import Provisioning

extension MusterV1.FieldProblem {
  /// - Parameter line: Of the import the problem came from; 0 outside imports.
  package init(_ problem: FieldProblem, line: UInt32 = 0) {
    self.init(
      field: problem.field, value: problem.value, code: problem.code.rawValue, message: problem.message,
      fix: problem.fix, line: line)
  }

  /// "10.1.3.10 is inside the pool of hall1 (…). Choose another address or 'auto'."
  package var sentence: String {
    let subject = value.isEmpty ? "" : value + " "
    let way = fix.isEmpty ? "" : " \(fix.prefix(1).uppercased())\(fix.dropFirst())."
    return "\(subject)\(message).\(way)"
  }

  /// With the field before it, as an operator reads it after `error: `.
  package var fullSentence: String { field.isEmpty ? sentence : "\(field): \(sentence)" }
}
