/// Columns for people: two spaces between, nothing behind the last, a header in capitals.
package struct Table {
  /// Means what the words already say; colour is never alone.
  package enum Tone: Sendable { case plain, good, behind, failing }

  package struct Cell: Sendable, ExpressibleByStringInterpolation {
    package var text: String
    package var tone: Tone = .plain

    package init(_ text: String, _ tone: Tone = .plain) {
      self.text = Printable.text(text)
      self.tone = tone
    }
    package init(stringLiteral value: String) { self.init(value) }
  }

  package var header: [String]
  package var rows: [[Cell]] = []

  package init(_ header: String...) { self.header = header }

  package mutating func add(_ cells: Cell...) { rows.append(cells) }

  /// Every line ends in a newline. Empty cells print as `-`.
  package func text(color: Bool) -> String {
    var widths = header.map(\.count)
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], Self.shown(cell.text).count) }
    }
    var out = ""
    Self.line(header.map { Cell($0) }, widths, color: false, into: &out)
    for row in rows { Self.line(row, widths, color: color, into: &out) }
    return out
  }

  private static func shown(_ text: String) -> String { text.isEmpty ? "-" : text }

  private static func line(_ cells: [Cell], _ widths: [Int], color: Bool, into out: inout String) {
    for (column, cell) in cells.enumerated() {
      let text = shown(cell.text)
      out += color ? paint(text, cell.tone) : text
      if column + 1 < cells.count {
        out += String(repeating: " ", count: widths[column] - text.count + 2)
      }
    }
    out += "\n"
  }

  /// SGR sequences (ECMA-48) around `text`.
  package static func paint(_ text: String, _ tone: Tone) -> String {
    switch tone {
    case .plain: text
    case .good: "\u{1B}[32m\(text)\u{1B}[0m"
    case .behind: "\u{1B}[33m\(text)\u{1B}[0m"
    case .failing: "\u{1B}[31m\(text)\u{1B}[0m"
    }
  }
}
