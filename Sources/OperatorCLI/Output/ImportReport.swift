internal import Wire

/// What an import's stream said.
struct ImportOutcome: Sendable {
  var problems: [MusterV1.FieldProblem] = []
  var changes: [MusterV1.ImportChange] = []
  var summary: MusterV1.ImportSummary?
}

/// An import's outcome as an operator reads it.
struct ImportReport {
  var outcome: ImportOutcome
  /// What the client found before the region saw the row.
  var extraProblems: [MusterV1.FieldProblem]
  /// Lines of the file with data.
  var lineCount: Int
  /// Whether the file is a table: then its columns are named, not the fields they mean.
  var isTable: Bool
  var isDryRun: Bool
  var keepGoing: Bool
  /// Whether the region counted the subnets and agents that a plan reaches.
  var countsRacks = true

  /// Plan lines printed before the rest is summed up.
  static let changesShownMax = 1000

  private var problems: [MusterV1.FieldProblem] {
    (extraProblems + outcome.problems).sorted { $0.line < $1.line }
  }

  /// - Throws: `CommandFailure` with status 5 when rows were refused.
  func write(to region: RegionConnection) throws {
    let surroundings = region.surroundings
    if region.format == .json {
      surroundings.output(json.text)
    } else {
      surroundings.writeOutput(text(color: surroundings.usesColor))
    }
    if let sentence = failure { throw CommandFailure(.invalidData, region.format == .json ? "" : sentence) }
  }

  func text(color: Bool) -> String {
    var out = ""
    let problems = self.problems
    if !problems.isEmpty {
      var table = Table("LINE", "FIELD", "VALUE", "PROBLEM")
      for problem in problems {
        table.add(
          Table.Cell(problem.line == 0 ? "" : String(problem.line)),
          Table.Cell(isTable ? Self.column(of: problem.field) : problem.field), Table.Cell(problem.value),
          Table.Cell(Self.clause(problem)))
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
    out += "\(summary.removed) remove"
    if countsRacks { out += "; \(summary.subnets) subnets, \(summary.agents) agents" }
    return out + "\n"
  }

  /// The value stands in a column of its own, so the clause about it goes without its verb: "inside the pool of hall1".
  private static func clause(_ problem: MusterV1.FieldProblem) -> String {
    let words = problem.message
    let what = words.hasPrefix("is ") ? String(words.dropFirst(3)) : words
    return problem.fix.isEmpty ? what : "\(what); \(problem.fix)"
  }

  /// The column that means a field: `mac` for `interfaces[0].mac`, `bmc_mac` for `bmc.mac`.
  static func column(of field: String) -> String {
    let parts = field.split(separator: ".")
    guard parts.count == 2 else {
      let name = String(field.prefix { $0 != "[" })
      return name == "relays" ? "relay" : name
    }
    if parts[0].hasPrefix("interfaces[") { return parts[1] == "name" ? "interface" : String(parts[1]) }
    return parts.joined(separator: "_")
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
    let total = max(badRows, lineCount)
    let verb = badRows == 1 ? "is" : "are"
    if !keepGoing, summary.applied {
      // Rows that were good when they were checked were overtaken by another change.
      return "\(badRows) of \(total) rows \(verb) invalid; the batches before were applied. Correct them and repeat the import"
    }
    let tail = keepGoing && badRows < total ? (isDryRun ? "the others would be applied" : "the others were applied")
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
