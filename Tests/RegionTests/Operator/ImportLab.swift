import RPC
import Wire

@testable import Region

/// Everything an import answered.
struct ImportMessagesSeen: Sendable {
  var problems: [MusterV1.FieldProblem] = []
  var changes: [MusterV1.ImportChange] = []
  var progress: [MusterV1.ImportProgress] = []
  var summary: MusterV1.ImportSummary?

  /// `17 interfaces[0].mac 52:54… also on line 4`, in the order of lines.
  var lines: [String] {
    problems.sorted { ($0.line, $0.field) < ($1.line, $1.field) }.map { "\($0.line) \($0.field) \($0.value) \($0.message)" }
  }
}

extension OperatorLab {
  /// Imports nodes, each on a line of its own from 1 on.
  func importNodes(
    _ nodes: [MusterV1.Node], options: MusterV1.ImportOptions = .init(), masks: [[String]] = []
  ) async throws -> ImportMessagesSeen {
    var options = options
    options.reportChanges = true
    let rows = nodes.enumerated().map { index, node in
      MusterV1.ImportRow(
        node: node, mask: masks.isEmpty ? nil : .init(paths: masks[index]),
        lines: [UInt32(index + 1)] + node.interfaces.map { _ in UInt32(index + 1) })
    }
    return try await importRows(rows, options: options)
  }

  func importRows(_ rows: [MusterV1.ImportRow], options: MusterV1.ImportOptions) async throws -> ImportMessagesSeen {
    try await self.nodes.importNodes(
      requests: { [options] writer in
        try await writer.write(.init(message: .options(options)))
        for start in stride(from: 0, to: rows.count, by: 500) {
          let part = Array(rows[start..<min(start + 500, rows.count)])
          try await writer.write(.init(message: .rows(.init(rows: part))))
        }
      },
      onResponses: { responses in
        var seen = ImportMessagesSeen()
        for try await response in responses {
          switch response.message {
          case .problem(let problem): seen.problems.append(problem)
          case .change(let change): seen.changes.append(change)
          case .progress(let progress): seen.progress.append(progress)
          case .summary(let summary): seen.summary = summary
          case nil: break
          }
        }
        return seen
      })
  }
}
