internal import Provisioning
internal import Wire

/// Says what an import found and did, in the messages of its stream.
enum ImportMessages {
  /// - Parameter lines: The row's lines: the node's, then one for each interface.
  static func problem(_ problem: FieldProblem, lines: [UInt32]) -> MusterV1.ImportNodesResponse {
    var message = MusterV1.FieldProblem(problem)
    message.line = line(of: problem.field, in: lines)
    return MusterV1.ImportNodesResponse(message: .problem(message))
  }

  /// The line of `interfaces[1].mac` is that of the second interface; of all other fields the node's.
  static func line(of field: String, in lines: [UInt32]) -> UInt32 {
    let prefix = "interfaces["
    guard field.hasPrefix(prefix), let index = Int(field.dropFirst(prefix.count).prefix { $0 != "]" }),
      index < lines.count - 1
    else { return lines.first ?? 0 }
    return lines[index + 1]
  }

  /// Nil for what changed nothing.
  static func change(_ result: NodeWriteResult) -> MusterV1.ImportNodesResponse? {
    guard let node = result.node, result.done != .unchanged else { return nil }
    var change = MusterV1.ImportChange()
    change.name = node.name.text
    change.outcome = MusterV1.WriteOutcome(result.done)
    if result.done == .updated {
      change.fields = (result.before?.spec.changes(to: node.spec) ?? []).map {
        MusterV1.ImportFieldChange(field: $0.field, before: $0.before, after: $0.after)
      }
    }
    if let interface = node.spec.bootInterface {
      change.subnet = interface.subnet?.text ?? ""
      change.address = interface.subnet == nil ? "" : interface.address.description
      change.mac = interface.mac.description
    }
    return MusterV1.ImportNodesResponse(message: .change(change))
  }

  static func progress(published: Int, total: Int) -> MusterV1.ImportNodesResponse {
    MusterV1.ImportNodesResponse(
      message: .progress(MusterV1.ImportProgress(published: UInt64(published), total: UInt64(total))))
  }

  /// A refusal of a single row as problems with its fields.
  static func problems(_ refusal: Refusal, name: String) -> [FieldProblem] {
    switch refusal {
    case .invalid(let problems): problems
    case .nodeExists(let taken):
      [
        FieldProblem(
          field: "name", value: taken.text, code: .nameTaken, message: "is the name of another node",
          fix: "choose another")
      ]
    default:
      [FieldProblem(field: "name", value: name, code: .refused, message: "was refused: \(refusal)", fix: "")]
    }
  }

  /// What an earlier row wants as well.
  static func problem(_ clash: ImportIndex.Clash, earlierLine: UInt32) -> FieldProblem {
    FieldProblem(
      field: clash.field, value: clash.value, code: clash.code, message: "also on line \(earlierLine)", fix: "")
  }
}

/// What became of the rows so far.
struct ImportTally: Sendable {
  var added = 0
  var updated = 0
  var unchanged = 0
  var removed = 0
  var invalid = 0
  /// The newest generation of each subnet that changed.
  var generations: [DHCPSubnetID: SubnetGeneration] = [:]

  mutating func count(_ outcome: WriteOutcome) {
    switch outcome {
    case .added: added += 1
    case .updated: updated += 1
    case .unchanged: unchanged += 1
    case .removed: removed += 1
    }
  }

  mutating func note(_ taken: [SubnetGeneration]) {
    for generation in taken { generations[generation.dhcpID] = generation }
  }

  /// - Parameters:
  ///   - agents: How many agents own the subnets that changed.
  ///   - isApplied: False when all of this was only a rehearsal.
  func summary(agents: Int, isApplied: Bool) -> MusterV1.ImportNodesResponse {
    var summary = MusterV1.ImportSummary()
    summary.added = UInt64(added)
    summary.updated = UInt64(updated)
    summary.unchanged = UInt64(unchanged)
    summary.removed = UInt64(removed)
    summary.invalid = UInt64(invalid)
    summary.subnets = UInt32(generations.count)
    summary.agents = UInt32(agents)
    summary.applied = isApplied
    if isApplied {
      summary.generations = generations.values.sorted { $0.dhcpID < $1.dhcpID }.map(MusterV1.SubnetGeneration.init)
    }
    return MusterV1.ImportNodesResponse(message: .summary(summary))
  }
}
