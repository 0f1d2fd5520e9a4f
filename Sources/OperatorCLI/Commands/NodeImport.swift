internal import ArgumentParser
internal import RPC
internal import Wire

struct NodeImport: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Add and change nodes from CSV or JSON lines.",
    discussion: """
      Everything is checked first; with one bad line nothing is applied, unless --keep-going. \
      The same file twice changes nothing. '-' reads standard input.
      """)
  @OptionGroup var global: GlobalOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "A .csv or .jsonl file, or '-'.") var file: String
  @Flag(help: "Show what would change.") var dryRun = false
  @Flag(help: "Apply the good rows although others are bad.") var keepGoing = false
  @Flag(help: "Remove nodes the file does not name.") var removeAbsent = false
  @Option(help: "Which column identifies a node: name, mac or serial.") var key: Key = .name
  @Option(help: "csv or jsonl; by default from the file's name, else from its first character.") var format: Format?
  @Option(help: "Idempotency key.") var requestID: String?
  @Flag(help: "Take addresses that are still held from other machines. Risks double addresses until their leases end.")
  var force = false

  @OptionGroup var confirmation: Confirmation

  enum Key: String, ExpressibleByArgument, CaseIterable { case name, mac, serial }
  enum Format: String, ExpressibleByArgument, CaseIterable { case csv, jsonl }

  func prepare(_ surroundings: Surroundings) throws {
    guard removeAbsent, !dryRun else { return }
    try confirmation.confirm("Remove every node that \(file) does not name? (--dry-run shows them.)", surroundings)
  }

  func run(_ region: RegionConnection) async throws {
    let input = try rows(region.surroundings)
    let options = importOptions
    // Everything of one file travels; problems found here are reported beside the region's.
    if !input.problems.isEmpty && !keepGoing {
      var check = options
      check.validateOnly = true
      let outcome = try await exchange(region, input.rows, check)
      return try report(outcome, extra: input.problems, region)
    }
    // A row that cannot be read names nobody: nothing is removed for not being named.
    var sent = options
    if !input.problems.isEmpty { sent.removeAbsent = false }
    let outcome = try await exchange(region, input.rows, sent)
    try report(outcome, extra: input.problems, region)
    if waiting.wait, !dryRun, let summary = outcome.summary { try await wait(summary, region) }
  }

  private var importOptions: MusterV1.ImportOptions {
    var options = MusterV1.ImportOptions()
    options.validateOnly = dryRun
    options.keepGoing = keepGoing
    options.removeAbsent = removeAbsent
    options.key = switch key {
    case .name: .name
    case .mac: .mac
    case .serial: .serial
    }
    options.requestId = requestID ?? ""
    options.reportChanges = dryRun
    options.force = force
    return options
  }

  private func rows(_ surroundings: Surroundings) throws -> NodeRows {
    let bytes = try surroundings.readFile(file)
    switch ImportFile.format(named: format?.rawValue, file: file, bytes) {
    case .jsonLines: return NodeRows(jsonLines: bytes)
    case .csv:
      do {
        return try NodeRows(csv: CSVTable(bytes), path: file)
      } catch let failure as CSVTable.Failure {
        throw CommandFailure(.invalidData, "\(file): \(failure.sentence)")
      }
    }
  }

  /// Rows a message: the contract's limit.
  private static let rowsPerMessage = 500

  private func exchange(
    _ region: RegionConnection, _ rows: [MusterV1.ImportRow], _ options: MusterV1.ImportOptions
  ) async throws -> ImportOutcome {
    try await region.nodes.importNodes(
      options: region.streamingOptions(),
      requests: { writer in
        var first = MusterV1.ImportNodesRequest()
        first.message = .options(options)
        try await writer.write(first)
        var start = 0
        while start < rows.count {
          let end = min(rows.count, start + Self.rowsPerMessage)
          var batch = MusterV1.ImportRows()
          batch.rows = Array(rows[start..<end])
          var message = MusterV1.ImportNodesRequest()
          message.message = .rows(batch)
          try await writer.write(message)
          start = end
        }
      },
      onResponses: { responses in
        var outcome = ImportOutcome()
        for try await response in responses {
          switch response.message {
          case .problem(let problem): outcome.problems.append(problem)
          case .change(let change): outcome.changes.append(change)
          case .summary(let summary): outcome.summary = summary
          case .progress, nil: break
          }
        }
        return outcome
      })
  }

  private func report(
    _ outcome: ImportOutcome, extra: [MusterV1.FieldProblem], _ region: RegionConnection
  ) throws {
    let report = ImportReport(outcome: outcome, extraProblems: extra, isDryRun: dryRun, keepGoing: keepGoing)
    let surroundings = region.surroundings
    if region.format == .json {
      surroundings.output(report.json.text)
    } else {
      surroundings.writeOutput(report.text(color: surroundings.usesColor))
    }
    if let sentence = report.failure { throw CommandFailure(.invalidData, region.format == .json ? "" : sentence) }
  }

  private func wait(_ summary: MusterV1.ImportSummary, _ region: RegionConnection) async throws {
    let total = summary.generations.count
    guard total > 0 else { return }
    let started = region.surroundings.now()
    try await AppliedWait(region: region, timeout: waiting.timeout)(summary.generations)
    let took = Age.precise(nanoseconds: region.surroundings.now() - started)
    if region.format == .table { region.surroundings.output("Applied:  \(total) of \(total) subnets (\(took))") }
  }
}

/// What an import's stream said.
struct ImportOutcome: Sendable {
  var problems: [MusterV1.FieldProblem] = []
  var changes: [MusterV1.ImportChange] = []
  var summary: MusterV1.ImportSummary?
}

/// Which of the two input formats a file is in.
enum ImportFile {
  enum Format { case csv, jsonLines }

  static func format(named name: String?, file: String, _ bytes: [UInt8]) -> Format {
    if let name { return name == "csv" ? .csv : .jsonLines }
    if file.hasSuffix(".csv") || file.hasSuffix(".tsv") { return .csv }
    if file.hasSuffix(".jsonl") || file.hasSuffix(".json") || file.hasSuffix(".ndjson") { return .jsonLines }
    return bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") ? .jsonLines : .csv
  }
}

/// An import's outcome as an operator reads it.
struct ImportReport {
  var outcome: ImportOutcome
  var extraProblems: [MusterV1.FieldProblem]
  var isDryRun: Bool
  var keepGoing: Bool

  /// Plan lines printed before the rest is summed up.
  static let changesShownMax = 1000

  private var problems: [MusterV1.FieldProblem] {
    (extraProblems + outcome.problems).sorted { $0.line < $1.line }
  }

  func text(color: Bool) -> String {
    var out = ""
    let problems = self.problems
    if !problems.isEmpty {
      var table = Table("LINE", "FIELD", "VALUE", "PROBLEM")
      for problem in problems {
        let what = problem.fix.isEmpty ? problem.message : "\(problem.message); \(problem.fix)"
        table.add(
          Table.Cell(problem.line == 0 ? "" : String(problem.line)), Table.Cell(problem.field),
          Table.Cell(problem.value), Table.Cell(what))
      }
      out += table.text(color: color)
      if !keepGoing, outcome.summary?.applied != true { return out }
    }
    guard let summary = outcome.summary else { return out }
    guard isDryRun else {
      out += "Imported: \(summary.added) added, \(summary.updated) updated, \(summary.unchanged) unchanged"
      out += summary.removed > 0 ? ", \(summary.removed) removed\n" : "\n"
      return out
    }
    for change in outcome.changes.prefix(Self.changesShownMax) { out += Self.line(change) }
    if outcome.changes.count > Self.changesShownMax {
      out += "… \(outcome.changes.count - Self.changesShownMax) more\n"
    }
    out += "Plan: \(summary.added) add, \(summary.updated) update, \(summary.unchanged) unchanged, "
    out += "\(summary.removed) remove; \(summary.subnets) subnets, \(summary.agents) agents\n"
    return out
  }

  private static func line(_ change: MusterV1.ImportChange) -> String {
    switch change.outcome {
    case .added: return "+ \(change.name)  \(change.subnet) \(change.address) \(change.mac)\n"
    case .removed: return "- \(change.name)\n"
    default:
      return change.fields.map { field in
        "~ \(change.name)  \(field.field) \(field.before.isEmpty ? "-" : field.before) -> \(field.after.isEmpty ? "-" : field.after)\n"
      }.joined()
    }
  }

  /// The closing sentence when rows were refused; nil when all were good.
  var failure: String? {
    let problems = self.problems
    guard !problems.isEmpty else { return nil }
    let summary = outcome.summary ?? MusterV1.ImportSummary()
    let badRows = Set(problems.map(\.line)).count
    let total = max(
      UInt64(badRows), summary.added + summary.updated + summary.unchanged + summary.invalid + UInt64(extraProblems.count))
    let verb = badRows == 1 ? "is" : "are"
    if !keepGoing, summary.applied {
      // Rows that were good when they were checked were overtaken by another change.
      return "\(badRows) of \(total) rows \(verb) invalid; the batches before were applied. Correct them and repeat the import"
    }
    let tail = keepGoing ? (isDryRun ? "the others would be applied" : "the others were applied")
      : (isDryRun ? "nothing would be applied" : "nothing was applied")
    return "\(badRows) of \(total) rows \(verb) invalid; \(tail)"
  }

  var json: JSONValue {
    let summary = outcome.summary ?? MusterV1.ImportSummary()
    return .object([
      "added": .unsigned(summary.added), "updated": .unsigned(summary.updated),
      "unchanged": .unsigned(summary.unchanged), "removed": .unsigned(summary.removed),
      "applied": .bool(summary.applied), "generations": .array(summary.generations.map(\.json)),
      "errors": .array(problems.map(ErrorReport.json)),
      "changes": .array(
        outcome.changes.map { change in
          .object([
            "name": .string(change.name), "outcome": .string(change.outcome.word),
            "fields": .array(
              change.fields.map {
                .object(["field": .string($0.field), "before": .string($0.before), "after": .string($0.after)])
              }),
          ])
        }),
    ])
  }
}

struct NodeExport: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Every node as JSON lines, as 'node import' reads them.")
  @OptionGroup var global: GlobalOptions
  @Option(help: "Only nodes in this subnet.") var subnet: String = ""
  @Option(help: "Only nodes with this tag.") var tag: String = ""
  @Option(help: "Only nodes in this state.") var state: NodeStateArgument?

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.ExportNodesRequest()
    request.subnet = subnet
    request.tag = tag
    request.state = state?.state ?? .unspecified
    let surroundings = region.surroundings
    try await region.nodes.exportNodes(request, options: region.streamingOptions()) { nodes in
      for try await node in nodes { surroundings.output(node.json.text) }
    }
  }
}
