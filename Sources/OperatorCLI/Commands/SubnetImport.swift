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
    var input = try rows(region.surroundings)
    let existing = Set(try await region.allSubnets().map(\.name))
    input.refuseOverlaps(besides: existing)
    // First pass: the region's word on every row that stands alone; only then is anything written.
    var outcome = try await publish(input.rows, existing, validateOnly: true, region)
    let isGood = input.problems.isEmpty && outcome.problems.isEmpty
    if isGood, !dryRun { outcome = try await publish(input.rows, existing, validateOnly: false, region) }
    let report = ImportReport(
      outcome: outcome, extraProblems: input.problems, lineCount: input.lineCount, isTable: input.isTable,
      isDryRun: dryRun, keepGoing: false, countsRacks: false)
    try report.write(to: region)
    guard waiting.wait, !dryRun, let summary = outcome.summary else { return }
    try await AppliedWait(region: region, timeout: waiting.timeout)(summary.generations)
  }

  private func rows(_ surroundings: Surroundings) throws -> SubnetRows {
    let bytes = try surroundings.readFile(file)
    return switch ImportFile.format(named: nil, file: file, bytes) {
    case .csv: try SubnetRows(csv: bytes, path: file)
    case .jsonl: SubnetRows(jsonLines: bytes)
    }
  }

  /// - Returns: The problems of all rows, or what all rows did.
  private func publish(
    _ rows: [SubnetRow], _ existing: Set<String>, validateOnly: Bool, _ region: RegionConnection
  ) async throws -> ImportOutcome {
    var outcome = ImportOutcome()
    var summary = MusterV1.ImportSummary()
    var generations: [String: MusterV1.SubnetGeneration] = [:]
    for row in rows {
      do {
        let response = try await write(
          row, exists: existing.contains(row.subnet.name), validateOnly: validateOnly, region)
        switch response.outcome {
        case .added: summary.added += 1
        case .updated: summary.updated += 1
        default: summary.unchanged += 1
        }
        for generation in response.generations { generations[generation.subnet] = generation }
      } catch let error as RPCError where !error.fieldProblems.isEmpty {
        summary.invalid += 1
        outcome.problems += error.fieldProblems.map { problem in
          var problem = problem
          problem.line = UInt32(clamping: row.line)
          return problem
        }
      }
    }
    summary.applied = !validateOnly
    if !validateOnly { summary.generations = generations.values.sorted { $0.subnet < $1.subnet } }
    outcome.summary = summary
    return outcome
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
