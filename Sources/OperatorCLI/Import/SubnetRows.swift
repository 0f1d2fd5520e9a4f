internal import Wire

/// Rows of a subnet file as the import wants them, and what was wrong before anything was sent.
struct SubnetRows {
  var rows: [SubnetRow] = []
  var problems: [MusterV1.FieldProblem] = []
  /// Lines with data, those that could not be read among them.
  var lineCount = 0
  /// Whether they come from a table with columns.
  var isTable = false

  /// - Parameter path: Names the file in what is thrown.
  /// - Throws: `CommandFailure` when it is no table of subnets at all.
  init(csv bytes: [UInt8], path: String) throws {
    let table: CSVTable
    do {
      table = try CSVTable(bytes)
    } catch {
      throw CommandFailure(.invalidData, "\(path): \(error.sentence)")
    }
    for column in table.header where !SubnetRow.columns.contains(column) {
      throw CommandFailure(
        .invalidData, "\(path): unknown column '\(column)'\(Suggestion.clause(for: column, among: SubnetRow.columns))")
    }
    isTable = true
    problems = table.problems.map { line, failure in failure.problem.said(of: line) }
    lineCount = table.rows.count + table.problems.count
    for row in table.rows {
      take(line: row.line) { () throws(RowProblem) in
        try SubnetRow(cells: Array(zip(table.header, row.cells)), line: row.line)
      }
    }
  }

  init(jsonLines bytes: [UInt8]) {
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      lineCount += 1
      take(line: index + 1) { () throws(RowProblem) in try SubnetRow(JSONReader(Array(line)), line: index + 1) }
    }
  }

  /// Refuses new subnets that overlap another new one of the file. The region sees one row at a time, and rows that are
  /// only checked do not see each other.
  ///
  /// - Parameter existing: Names of the subnets that the region has. It knows what overlaps those.
  mutating func refuseOverlaps(besides existing: Set<String>) {
    var new: [SubnetRow] = []
    for row in rows where !existing.contains(row.subnet.name) {
      if let first = new.first(where: { $0.overlaps(row) }) {
        let overlap = RowProblem(
          field: "prefix", value: row.subnet.prefix, code: "PREFIX_OVERLAP",
          message: "overlaps \(first.subnet.name) (\(first.subnet.prefix)) on line \(first.line)",
          fix: "choose a free prefix or another fabric")
        problems.append(overlap.said(of: row.line))
      } else {
        new.append(row)
      }
    }
  }

  private mutating func take(line: Int, _ read: () throws(RowProblem) -> SubnetRow) {
    do {
      let row = try read()
      if let first = rows.first(where: { $0.subnet.name == row.subnet.name }) {
        let twice = RowProblem(
          field: "name", value: row.subnet.name, code: "DUPLICATE", message: "also on line \(first.line)",
          fix: "write each subnet once")
        problems.append(twice.said(of: line))
      } else {
        rows.append(row)
      }
    } catch {
      problems.append(error.said(of: line))
    }
  }
}
