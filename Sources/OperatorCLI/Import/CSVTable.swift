/// A delimited file, read as RFC 4180 with what spreadsheets add: a byte order mark, CRLF, and `;` or tab for the comma.
package struct CSVTable: Sendable {
  package struct Row: Sendable, Hashable {
    /// Counted from 1; the line the row begins on.
    package var line: Int
    /// As many as the header has.
    package var cells: [String]
  }

  package var header: [String]
  package var rows: [Row]
  /// Rows that are none, by line; they are not among `rows`.
  package var problems: [(line: Int, failure: Failure)] = []

  package enum Failure: Error, Hashable, Sendable {
    case notUTF8(line: Int)
    case empty
    /// A quote that never ends.
    case openQuote(line: Int)
    /// Text behind a closing quote.
    case textAfterQuote(line: Int)
    case cells(line: Int, expected: Int, found: Int)
    /// A NUL in a cell: a C string ends there, so the wire would change the text.
    case nul(line: Int, column: String)
    case duplicateColumn(String)
  }

  package init(_ bytes: [UInt8]) throws(Failure) {
    guard let text = String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes, as: UTF8.self)
    else {
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      throw .notUTF8(line: 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0))
    }
    let octets = Array(text.utf8)
    let firstLine = octets.prefix { $0 != UInt8(ascii: "\n") }
    let delimiter = Self.delimiter(of: firstLine)
    var (records, problems) = try Self.records(octets, delimiter)
    guard !records.isEmpty else { throw .empty }
    header = records.removeFirst().cells.map { Self.trimmed($0) }
    var seen = Set<String>()
    for column in header where !seen.insert(column).inserted { throw .duplicateColumn(column) }
    let width = header.count
    for record in records where record.cells.count != width {
      problems.append((record.line, .cells(line: record.line, expected: width, found: record.cells.count)))
    }
    rows = []
    for record in records where record.cells.count == width {
      if let position = record.cells.firstIndex(where: { $0.utf8.contains(0) }) {
        problems.append((record.line, .nul(line: record.line, column: header[position])))
      } else {
        rows.append(Row(line: record.line, cells: record.cells.map(Self.trimmed)))
      }
    }
    self.problems = problems.sorted { $0.line < $1.line }
  }

  private static func trimmed(_ cell: String) -> String {
    String(cell.drop(while: { $0 == " " }).reversed().drop(while: { $0 == " " }).reversed())
  }

  private static func delimiter(of header: ArraySlice<UInt8>) -> UInt8 {
    let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    return candidates.max { a, b in header.count(where: { $0 == a }) < header.count(where: { $0 == b }) } ?? candidates[0]
  }

  /// Blank lines are skipped; a quoted cell may hold delimiters, newlines and doubled quotes. A row with text behind a
  /// closing quote is left out; a quote that never ends has no row behind it that could be told from it.
  private static func records(
    _ octets: [UInt8], _ delimiter: UInt8
  ) throws(Failure) -> ([Row], [(line: Int, failure: Failure)]) {
    var rows: [Row] = []
    var problems: [(line: Int, failure: Failure)] = []
    var isBroken = false
    var cells: [String] = []
    var cell: [UInt8] = []
    var line = 1
    var rowLine = 1
    var wasQuoted = false
    var index = 0
    let quote = UInt8(ascii: "\""), newline = UInt8(ascii: "\n"), carriageReturn = UInt8(ascii: "\r")

    func endCell() {
      cells.append(String(decoding: cell, as: UTF8.self))
      cell.removeAll(keepingCapacity: true)
      wasQuoted = false
    }
    func endRow() {
      endCell()
      if isBroken {
        problems.append((rowLine, .textAfterQuote(line: rowLine)))
      } else if !(cells.count == 1 && cells[0].isEmpty) {
        rows.append(Row(line: rowLine, cells: cells))
      }
      isBroken = false
      cells.removeAll(keepingCapacity: true)
    }
    while index < octets.count {
      let octet = octets[index]
      index += 1
      switch octet {
      case quote where cell.isEmpty && !wasQuoted:
        wasQuoted = true
        let opened = line
        var isClosed = false
        while index < octets.count {
          let inner = octets[index]
          index += 1
          if inner == quote {
            if index < octets.count, octets[index] == quote {
              cell.append(quote)
              index += 1
            } else {
              isClosed = true
              break
            }
          } else {
            if inner == newline { line += 1 }
            cell.append(inner)
          }
        }
        guard isClosed else { throw .openQuote(line: opened) }
      case delimiter: endCell()
      case carriageReturn where index < octets.count && octets[index] == newline: continue
      case newline:
        endRow()
        line += 1
        rowLine = line
      default:
        if wasQuoted {
          if octet == UInt8(ascii: " ") { continue }
          isBroken = true
        }
        cell.append(octet)
      }
    }
    if !cell.isEmpty || !cells.isEmpty || wasQuoted { endRow() }
    return (rows, problems)
  }
}

extension CSVTable.Failure {
  /// A sentence that names the line and the way out.
  package var sentence: String {
    switch self {
    case .notUTF8(let line): "line \(line): not UTF-8 text; save the file as UTF-8 CSV"
    case .empty: "no header line; the first line names the columns"
    case .openQuote(let line): "line \(line): a quote is never closed"
    case .textAfterQuote(let line): "line \(line): \(clause); \(fix)"
    case .cells(let line, _, _), .nul(let line, _): "line \(line): \(clause); \(fix)"
    case .duplicateColumn(let name): "column '\(name)' stands twice in the header"
    }
  }

  /// What is wrong with one row, without its line.
  var problem: RowProblem { RowProblem(field: column, code: "ROW_MALFORMED", message: clause, fix: fix) }

  private var clause: String {
    switch self {
    case .cells(_, let expected, let found): "has \(found) cells where the header has \(expected)"
    case .textAfterQuote: "has text behind a closing quote"
    case .nul: "contains the unprintable character U+0000"
    case .notUTF8, .empty, .openQuote, .duplicateColumn: sentence
    }
  }

  /// The way out of a row that is none.
  private var fix: String {
    switch self {
    case .cells: "write one cell for each column"
    case .textAfterQuote: "double a quote inside a cell"
    case .nul: "remove that character"
    case .notUTF8, .empty, .openQuote, .duplicateColumn: ""
    }
  }

  /// The column it is about; empty for the whole row.
  private var column: String {
    if case .nul(_, let column) = self { column } else { "" }
  }
}
