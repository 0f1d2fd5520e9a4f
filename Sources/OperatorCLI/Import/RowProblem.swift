internal import Wire

/// Why a row of a file cannot be read.
struct RowProblem: Error, Hashable {
  /// Path of the field, or the column; empty for the whole row.
  var field = ""
  var value = ""
  /// Stable reason for programs.
  var code: String
  /// A clause whose subject is the value, or what is wrong with the row.
  var message: String
  var fix = ""

  /// As the region would say it.
  func said(of line: Int) -> MusterV1.FieldProblem {
    MusterV1.FieldProblem(
      field: field, value: value, code: code, message: message, fix: fix, line: UInt32(clamping: line))
  }
}
