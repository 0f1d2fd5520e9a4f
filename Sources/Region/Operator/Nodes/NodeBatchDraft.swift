internal import Provisioning
internal import Store
internal import Wire

/// The writes of a batch, parsed as far as they can be without the store.
struct NodeBatchDraft: Sendable {
  private enum Entry: Sendable {
    case create(NodeSpec)
    case update(MusterV1.UpdateNodeRequest, NodeName)
    case remove(NodeName)
  }

  private let entries: [Entry]
  private let force: Bool

  /// - Throws: `InvalidFields` with the problems of all writes, each under `writes[i]`.
  init(_ request: MusterV1.BatchWriteNodesRequest) throws {
    guard !request.writes.isEmpty else { throw InvalidFields.missing("writes", fix: "give 1 to \(NodeWrite.countMax)") }
    guard request.writes.count <= NodeWrite.countMax else { throw Refusal.tooManyWrites(max: NodeWrite.countMax) }
    var entries: [Entry] = []
    var problems: [FieldProblem] = []
    for (index, write) in request.writes.enumerated() {
      do throws(InvalidFields) {
        entries.append(try Self.parse(write))
      } catch {
        problems += error.problems.map { $0.under("writes[\(index)]") }
        if problems.count >= Self.problemsMax { break }
      }
    }
    guard problems.isEmpty else { throw InvalidFields(problems) }
    self.entries = entries
    force = request.force
  }

  /// Problems reported at once; a batch with more has the same mistake in every line.
  static let problemsMax = 1_000

  private static func parse(_ write: MusterV1.NodeWrite) throws(InvalidFields) -> Entry {
    switch write.write {
    case .create(let node): return .create(try NodeDraft(node).parse())
    case .update(let update):
      guard let node = update.node else { throw .missing("update.node", fix: "say which node to change") }
      return .update(update, try RequestNames.parse(node.name, "update.node.name"))
    case .delete(let name): return .remove(try RequestNames.parse(name, "delete"))
    case nil: throw .missing("write", fix: "give create, update or delete")
    }
  }

  /// The writes as the transaction finds the nodes.
  ///
  /// - Throws: `BatchRefused` with everything that stands against single writes.
  func writes(in transaction: borrowing Transaction) throws -> [NodeWrite] {
    var writes: [NodeWrite] = []
    var refusals: [Int: Refusal] = [:]
    for (index, entry) in entries.enumerated() {
      do {
        writes.append(try write(entry, in: transaction))
      } catch let refusal as Refusal {
        refusals[index] = refusal
      } catch let invalid as InvalidFields {
        refusals[index] = .invalid(invalid.problems)
      }
    }
    guard refusals.isEmpty else { throw BatchRefused(refusals) }
    return writes
  }

  private func write(_ entry: Entry, in transaction: borrowing Transaction) throws -> NodeWrite {
    switch entry {
    case .create(let spec): return .create(spec, force: force)
    case .update(let request, let name):
      var write = try NodeServiceHandler.update(request, name, in: transaction)
      write.force = write.force || force
      return write
    case .remove(let name): return .remove(try NodeSelector.name(name).find(in: transaction).id)
    }
  }
}
