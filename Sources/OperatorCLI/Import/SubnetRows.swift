internal import Provisioning
internal import Wire

/// Rows of a subnet file as the import wants them, and what was wrong before anything was sent.
struct SubnetRows {
  var rows: [SubnetRow] = []
  var problems: [MusterV1.FieldProblem] = []
  /// Lines with data, those that could not be read among them.
  var lineCount = 0
  /// Whether they come from a table with columns.
  var isTable = false
  private var lineByName: [String: Int] = [:]

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
      take(SubnetRow(cells: Array(zip(table.header, row.cells)), line: row.line))
    }
  }

  init(jsonLines bytes: [UInt8]) {
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      lineCount += 1
      do {
        take(try SubnetRow(JSONReader(Array(line)), line: index + 1))
      } catch {
        problems.append(error.said(of: index + 1))
      }
    }
  }

  /// Refuses new subnets that overlap another new one of the file. The region sees one row at a time, and rows that are
  /// only checked do not see each other.
  ///
  /// - Parameter existing: Names of the subnets that the region has. It knows what overlaps those.
  mutating func refuseOverlaps(besides existing: Set<String>) {
    var byFabric: [String: NewPrefixes] = [:]
    for row in rows where !existing.contains(row.subnet.name) {
      guard let prefix = row.prefix,
        let first = byFabric[row.fabric, default: NewPrefixes()].add(prefix, of: row)
      else { continue }
      let overlap = RowProblem(
        field: "prefix", value: row.subnet.prefix, code: "PREFIX_OVERLAP",
        message: "overlaps \(first.subnet.name) (\(first.subnet.prefix)) on line \(first.line)",
        fix: "choose a free prefix or another fabric")
      problems.append(overlap.said(of: row.line))
    }
  }

  /// Prefixes that are apart, and the rows they came from.
  private struct NewPrefixes {
    private var rows: [IPv4Prefix: SubnetRow] = [:]
    /// The first row within each block that holds one.
    private var within: [IPv4Prefix: SubnetRow] = [:]

    /// Adds a prefix that overlaps none.
    ///
    /// - Returns: Otherwise a row that it overlaps. Of two prefixes that overlap one holds the other, so that as many questions
    ///   as a prefix has bits find it.
    mutating func add(_ prefix: IPv4Prefix, of row: SubnetRow) -> SubnetRow? {
      let blocks = (0...prefix.length).map { IPv4Prefix(masking: prefix.network, length: $0) }
      if let holder = blocks.first(where: { rows.keys.contains($0) }) { return rows[holder] }
      if let held = within[prefix] { return held }
      rows[prefix] = row
      for block in blocks where within[block] == nil { within[block] = row }
      return nil
    }
  }

  private mutating func take(_ row: SubnetRow) {
    problems += row.problems.map { $0.said(of: row.line) }
    let name = row.subnet.name
    if let first = lineByName[name] {
      let twice = RowProblem(
        field: "name", value: name, code: "DUPLICATE", message: "also on line \(first)", fix: "write each subnet once")
      problems.append(twice.said(of: row.line))
    } else {
      lineByName[name] = row.line
      rows.append(row)
    }
  }
}
