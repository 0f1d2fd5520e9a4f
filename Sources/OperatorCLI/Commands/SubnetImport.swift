internal import ArgumentParser
internal import RPC
internal import Wire

struct SubnetImport: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Add and change subnets from CSV or JSON lines.",
    discussion: "All rows are checked before the first is written. The same file twice changes nothing.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var waiting: WaitOptions
  @Argument(help: "A .csv or .jsonl file, or '-'.") var file: String
  @Flag(help: "Show what would change.") var dryRun = false

  func run(_ region: RegionConnection) async throws {
    let bytes = try region.surroundings.readFile(file)
    let rows: [SubnetRow]
    switch ImportFile.format(named: nil, file: file, bytes) {
    case .csv: rows = try SubnetRow.rows(csv: bytes, path: file)
    case .jsonLines: rows = try SubnetRow.rows(jsonLines: bytes, path: file)
    }
    let existing = Set(try await region.allSubnets().map(\.name))
    // First pass: the region's word on every row that stands alone; only then is anything written.
    var problems: [MusterV1.FieldProblem] = []
    for row in rows {
      do {
        _ = try await write(row, exists: existing.contains(row.subnet.name), validateOnly: true, region)
      } catch let error as RPCError where !error.fieldProblems.isEmpty {
        problems += error.fieldProblems.map { problem in
          var problem = problem
          problem.line = UInt32(row.line)
          return problem
        }
      }
    }
    guard problems.isEmpty else {
      var outcome = ImportOutcome()
      outcome.problems = problems
      var summary = MusterV1.ImportSummary()
      summary.invalid = UInt64(rows.count)
      outcome.summary = summary
      let report = ImportReport(outcome: outcome, extraProblems: [], isDryRun: dryRun, keepGoing: false)
      region.surroundings.writeOutput(report.text(color: region.surroundings.usesColor))
      throw CommandFailure(.invalidData, report.failure ?? "")
    }
    var counts: [MusterV1.WriteOutcome: Int] = [:]
    var generations: [String: MusterV1.SubnetGeneration] = [:]
    for row in rows {
      let response = try await write(
        row, exists: existing.contains(row.subnet.name), validateOnly: dryRun, region)
      counts[response.outcome, default: 0] += 1
      for generation in response.generations { generations[generation.subnet] = generation }
    }
    let words = "\(counts[.added] ?? 0) added, \(counts[.updated] ?? 0) updated, \(counts[.unchanged] ?? 0) unchanged"
    region.surroundings.output((dryRun ? "Plan: " : "Imported: ") + words)
    if waiting.wait {
      try await AppliedWait(region: region, timeout: waiting.timeout)(
        generations.values.sorted { $0.subnet < $1.subnet })
    }
  }

  private func write(
    _ row: SubnetRow, exists: Bool, validateOnly: Bool, _ region: RegionConnection
  ) async throws -> MusterV1.WriteSubnetResponse {
    guard exists else {
      var request = MusterV1.CreateSubnetRequest()
      request.subnet = row.subnet
      request.validateOnly = validateOnly
      return try await region.subnets.createSubnet(request, options: region.options)
    }
    var request = MusterV1.UpdateSubnetRequest()
    request.subnet = row.subnet
    request.updateMask = GoogleProtobuf.FieldMask(paths: row.paths)
    request.validateOnly = validateOnly
    return try await region.subnets.updateSubnet(request, options: region.options)
  }
}

struct SubnetExport: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Every subnet as JSON lines, as 'subnet import' reads them.")
  @OptionGroup var global: GlobalOptions

  func run(_ region: RegionConnection) async throws {
    for subnet in try await region.allSubnets() { region.surroundings.output(subnet.json.text) }
  }
}
