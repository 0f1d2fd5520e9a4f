import Testing
import Wire

@testable import OperatorCLI

@Suite struct ImportRendering {
  @Test func badRowsAreAllListedAndNothingIsApplied() {
    var outcome = ImportOutcome()
    outcome.problems = [
      .init(field: "interfaces[0].mac", value: "52:54:00:00:02:1a", message: "also on line 204", line: 311),
      .init(
        field: "interfaces[1].mac", value: "52:54:00:0:00:11", message: "is not a MAC address",
        fix: "write six pairs of hex digits", line: 17),
      .init(
        field: "interfaces[0].address", value: "10.1.3.10", message: "is inside the pool of hall1 (10.1.3.0-10.1.3.99)",
        fix: "choose another or 'auto'", line: 90),
    ]
    outcome.summary = MusterV1.ImportSummary()
    let report = ImportReport(
      outcome: outcome, extraProblems: [], lineCount: 4000, isTable: true, isDryRun: true, keepGoing: false)
    #expect(
      report.text(color: false) == """
        LINE  FIELD    VALUE              PROBLEM
        17    mac      52:54:00:0:00:11   not a MAC address; write six pairs of hex digits
        90    address  10.1.3.10          inside the pool of hall1 (10.1.3.0-10.1.3.99); choose another or 'auto'
        311   mac      52:54:00:00:02:1a  also on line 204

        """)
    #expect(report.failure == "3 of 4000 rows are invalid; nothing would be applied")
  }

  @Test func aDryRunShowsThePlan() {
    var added = MusterV1.ImportChange()
    added.name = "r1n1"
    added.outcome = .added
    added.subnet = "hall1"
    added.address = "10.1.0.11"
    added.mac = "52:54:00:00:00:0b"
    var field = MusterV1.ImportFieldChange()
    field.field = "eth0.mac"
    field.before = "52:54:00:00:00:0c"
    field.after = "52:54:00:aa:00:0c"
    var updated = MusterV1.ImportChange()
    updated.name = "r1n2"
    updated.outcome = .updated
    updated.fields = [field]
    var outcome = ImportOutcome()
    outcome.changes = [added, updated]
    var summary = MusterV1.ImportSummary()
    summary.added = 3988
    summary.updated = 2
    summary.unchanged = 10
    summary.subnets = 40
    summary.agents = 2
    outcome.summary = summary
    let report = ImportReport(
      outcome: outcome, extraProblems: [], lineCount: 4000, isTable: true, isDryRun: true, keepGoing: false)
    #expect(
      report.text(color: false) == """
        + r1n1  hall1 10.1.0.11 52:54:00:00:00:0b
        ~ r1n2  eth0.mac 52:54:00:00:00:0c -> 52:54:00:aa:00:0c
        Plan: 3988 add, 2 update, 10 unchanged, 0 remove; 40 subnets, 2 agents

        """)
    #expect(report.failure == nil)
  }
  /// A line with two problems, one found by the client and one by the region, is one bad row of the file's rows.
  @Test func badRowsAreCountedAsTheFileHasThem() {
    var outcome = ImportOutcome()
    outcome.problems = [.init(field: "interfaces[0].address", value: "10.1.2.12", message: "also on line 5", line: 7)]
    var summary = MusterV1.ImportSummary()
    (summary.added, summary.invalid) = (6, 1)
    outcome.summary = summary
    let boot = MusterV1.FieldProblem(field: "boot", value: "maybe", message: "neither yes nor no", line: 7)
    let report = ImportReport(
      outcome: outcome, extraProblems: [boot], lineCount: 7, isTable: true, isDryRun: false, keepGoing: false)
    #expect(report.failure == "1 of 7 rows is invalid; nothing was applied")
  }

  @Test(arguments: [(1, "nothing was applied"), (2, "the others were applied")])
  func whoKeepsGoingIsToldWhetherAnythingWasLeftToApply(lines: Int, words: String) {
    let bad = MusterV1.FieldProblem(field: "boot", value: "maybe", message: "neither yes nor no", line: 2)
    let report = ImportReport(
      outcome: .init(), extraProblems: [bad], lineCount: lines, isTable: true, isDryRun: false, keepGoing: true)
    #expect(report.failure == "1 of \(lines) rows is invalid; \(words)")
  }

  @Test(arguments: [
    ("interfaces[0].mac", "mac"), ("interfaces[1].name", "interface"), ("bmc.mac", "bmc_mac"), ("tags[1]", "tags"),
    ("serial", "serial"), ("relays[0]", "relay"), ("", ""),
  ])
  func aTableIsToldItsColumns(field: String, column: String) {
    #expect(ImportReport.column(of: field) == column)
  }

  /// JSON lines have fields, not columns.
  @Test func linesOfJSONAreToldTheirFields() {
    var outcome = ImportOutcome()
    outcome.problems = [.init(field: "interfaces[0].mac", value: "x", message: "is not a MAC address", line: 1)]
    let report = ImportReport(
      outcome: outcome, extraProblems: [], lineCount: 1, isTable: false, isDryRun: false, keepGoing: false)
    #expect(report.text(color: false).contains("1     interfaces[0].mac  x      not a MAC address\n"))
  }
}
