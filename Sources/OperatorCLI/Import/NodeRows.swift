internal import RPC
internal import Wire

/// Rows of a node file as the import wants them, and what was wrong before anything was sent.
struct NodeRows {
  var rows: [MusterV1.ImportRow] = []
  var problems: [MusterV1.FieldProblem] = []
  /// The places in `rows` of those that have a problem of their own. The region may check them; it must not apply them.
  var badRows: Set<Int> = []
  /// Lines with data, those that could not be read among them.
  var lineCount = 0
  /// Whether they come from a table with columns.
  var isTable = false

  static let columns = [
    "name", "interface", "mac", "subnet", "address", "boot", "boot_profile", "tags", "serial", "uuid", "location",
    "bmc_address", "bmc_mac",
  ]

  /// One row per interface; rows of one `name` form the node. An empty cell leaves a field as it is, `-` clears it. Rows
  /// of one node may repeat what another said, and must not say something else.
  init(csv table: CSVTable, path: String) throws {
    for column in table.header where !Self.columns.contains(column) {
      throw CommandFailure(
        .invalidData, "\(path): unknown column '\(column)'\(Suggestion.clause(for: column, among: Self.columns))")
    }
    problems = table.problems.map { line, failure in failure.problem.said(of: line) }
    isTable = true
    lineCount = table.rows.count + table.problems.count
    let columnIndex = Dictionary(uniqueKeysWithValues: table.header.enumerated().map { ($1, $0) })
    var indexByName: [String: Int] = [:]
    var said: [Int: Said] = [:]
    for row in table.rows {
      func cell(_ column: String) -> String { columnIndex[column].map { row.cells[$0] } ?? "" }
      let name = cell("name")
      // Without a name (a file keyed by MAC or serial) every row is a node of its own.
      let position: Int
      if !name.isEmpty, let known = indexByName[name] {
        position = known
      } else {
        position = rows.count
        var fresh = MusterV1.ImportRow()
        var node = MusterV1.Node()
        node.name = name
        fresh.node = node
        fresh.mask = GoogleProtobuf.FieldMask()
        fresh.lines = [UInt32(row.line)]
        rows.append(fresh)
        if !name.isEmpty { indexByName[name] = position }
      }
      let found = Self.merge(cell, line: row.line, into: &rows[position])
        + said[position, default: Said()].add(cell, line: row.line)
      if !found.isEmpty { badRows.insert(position) }
      problems += found
    }
  }

  /// What the rows of one node said so far, and on which lines.
  private struct Said {
    private var cells: [String: (text: String, line: Int)] = [:]
    private var interfaces: [String: Int] = [:]
    private var bootLine: Int?

    private static let columns = ["boot_profile", "tags", "serial", "uuid", "location", "bmc_address", "bmc_mac"]

    /// - Returns: What contradicts an earlier line.
    mutating func add(_ cell: (String) -> String, line: Int) -> [MusterV1.FieldProblem] {
      var problems: [MusterV1.FieldProblem] = []
      func refuse(_ column: String, _ message: String, _ fix: String) {
        let problem = RowProblem(field: column, value: cell(column), code: "DUPLICATE", message: message, fix: fix)
        problems.append(problem.said(of: line))
      }
      for column in Self.columns where !cell(column).isEmpty {
        let before = cells[column, default: (cell(column), line)]
        if before.text != cell(column) {
          refuse(column, "another than on line \(before.line)", "write one value for each node")
        }
        cells[column] = before
      }
      let interface = cell("interface")
      if !interface.isEmpty {
        if let before = interfaces[interface] {
          refuse("interface", "also on line \(before)", "write each interface of a node once")
        } else {
          interfaces[interface] = line
        }
      }
      if ["yes", "true", "1"].contains(cell("boot").lowercased()) {
        if let before = bootLine {
          refuse("boot", "also on line \(before)", "boot a node from one interface")
        } else {
          bootLine = line
        }
      }
      return problems
    }
  }

  /// - Returns: What is wrong with the row itself.
  private static func merge(
    _ cell: (String) -> String, line: Int, into row: inout MusterV1.ImportRow
  ) -> [MusterV1.FieldProblem] {
    guard var node = row.node, var mask = row.mask else { return [] }
    var problems: [MusterV1.FieldProblem] = []
    func set(_ column: String, _ path: String, _ assign: (String) -> Void) {
      let text = cell(column)
      guard !text.isEmpty else { return }
      assign(text == "-" ? "" : text)
      if !mask.paths.contains(path) { mask.paths.append(path) }
    }
    set("boot_profile", "boot_profile") { node.bootProfile = $0 }
    set("tags", "tags") { node.tags = $0.split(separator: " ").map(String.init) }
    set("serial", "serial") { node.serial = $0 }
    set("uuid", "uuid") { node.uuid = $0 }
    set("location", "location") { node.location = $0 }
    set("bmc_address", "bmc.address") { text in
      var bmc = node.bmc ?? MusterV1.Bmc()
      bmc.address = text
      node.bmc = bmc
    }
    set("bmc_mac", "bmc.mac") { text in
      var bmc = node.bmc ?? MusterV1.Bmc()
      bmc.mac = text
      node.bmc = bmc
    }
    if !["interface", "mac", "subnet", "address", "boot"].allSatisfy({ cell($0).isEmpty }) {
      var interface = MusterV1.NetworkInterface()
      interface.name = cell("interface")
      interface.mac = cell("mac")
      interface.subnet = cell("subnet")
      interface.address = cell("address")
      switch cell("boot").lowercased() {
      case "yes", "true", "1": interface.boot = true
      case "", "no", "false", "0", "-": interface.boot = false
      default:
        let problem = RowProblem(
          field: "boot", value: cell("boot"), code: "BOOLEAN_INVALID", message: "neither yes nor no",
          fix: "write yes or no")
        problems.append(problem.said(of: line))
      }
      node.interfaces.append(interface)
      row.lines.append(UInt32(line))
      // Merged by name: a row states some cells of one interface, not the whole list.
      if !mask.paths.contains("interfaces.*") { mask.paths.append("interfaces.*") }
    }
    row.node = node
    row.mask = mask
    return problems
  }
}
