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
  @Option(help: "csv or jsonl; by default jsonl if the file begins with '{' or its name says so.") var format: ImportFormat?
  @Option(help: "Idempotency key.") var requestID: String?
  @Flag(help: "Take addresses that are still held from other machines. Risks double addresses until their leases end.")
  var force = false

  @OptionGroup var confirmation: Confirmation

  enum Key: String, ExpressibleByArgument, CaseIterable { case name, mac, serial }

  func prepare(_ surroundings: Surroundings) throws {
    guard removeAbsent, !dryRun else { return }
    try confirmation.confirm("Remove every node that \(file) does not name? (--dry-run shows them.)", surroundings)
  }

  func run(_ region: RegionConnection) async throws {
    let input = try rows(region.surroundings)
    if removeAbsent, input.lineCount == 0 {
      throw CommandFailure(
        .invalidData, "\(file) names no node, and --remove-absent would remove all of them; remove nodes by name")
    }
    var options = importOptions
    var sent = input.rows
    if !input.problems.isEmpty {
      if keepGoing {
        sent = input.rows.indices.filter { !input.badRows.contains($0) }.map { input.rows[$0] }
        // A row that cannot be read names nobody: nothing is removed for not being named.
        options.removeAbsent = false
      } else {
        // Everything travels, so that problems found here are reported beside the region's; nothing is applied.
        options.validateOnly = true
      }
    }
    let outcome = try await exchange(region, sent, options)
    try report(outcome, input, region)
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
    switch ImportFile.format(named: format, file: file, bytes) {
    case .jsonl: return NodeRows(jsonLines: bytes)
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

  private func report(_ outcome: ImportOutcome, _ input: NodeRows, _ region: RegionConnection) throws {
    let report = ImportReport(
      outcome: outcome, extraProblems: input.problems, lineCount: input.lineCount, isTable: input.isTable,
      isDryRun: dryRun, keepGoing: keepGoing)
    try report.write(to: region)
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
