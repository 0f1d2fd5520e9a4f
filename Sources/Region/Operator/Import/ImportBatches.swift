/// Divides the rows of an import into transactions.
///
/// Rows that pass a name, a MAC or an address from one to the other must be one transaction: applied apart,
/// the second would find its address held, and two that swap would each find it taken. So rows that are
/// tied form groups, and groups fill batches in the order of their last rows.
package struct ImportBatches: Sendable {
  /// Rows of one transaction at most; only a group that is tied together gets that large.
  package static let rowsMax = 10_000
  /// Rows after which a batch is closed: others want to write in between.
  package static let rowsTarget = 2_000

  /// The parent of each row in its group's tree; a root is its own parent. The root is the group's first row.
  private var parent: [Int32]

  package init(count: Int) {
    parent = (0..<Int32(count)).map { $0 }
  }

  /// Ties two rows together.
  package mutating func tie(_ a: Int, _ b: Int) {
    let (a, b) = (root(of: Int32(a)), root(of: Int32(b)))
    if a < b { parent[Int(b)] = a } else { parent[Int(a)] = b }
  }

  private mutating func root(of row: Int32) -> Int32 {
    var row = row
    while parent[Int(row)] != row {
      parent[Int(row)] = parent[Int(parent[Int(row)])]
      row = parent[Int(row)]
    }
    return row
  }

  /// The rows to apply, each batch in ascending order.
  ///
  /// - Parameter isApplied: False for rows to leave out; ties through them still hold.
  /// - Throws: `ImportGroupTooLarge` when tied rows do not fit one transaction.
  package mutating func batches(
    of isApplied: (Int) -> Bool
  ) throws(ImportGroupTooLarge) -> [[Int]] {
    // Most groups have one row; only the others are gathered.
    var sizes = [Int32](repeating: 0, count: parent.count)
    for row in parent.indices where isApplied(row) { sizes[Int(root(of: Int32(row)))] += 1 }
    var gathered: [Int32: [Int]] = [:]
    var batches: [[Int]] = []
    var current: [Int] = []
    for row in parent.indices where isApplied(row) {
      let root = root(of: Int32(row))
      var group = [row]
      let size = Int(sizes[Int(root)])
      guard size <= Self.rowsMax else { throw ImportGroupTooLarge(firstRow: row, count: size) }
      if size > 1 {
        gathered[root, default: []].append(row)
        guard let whole = gathered[root], whole.count == size else { continue }
        gathered[root] = nil
        group = whole
      }
      if current.count + group.count > max(Self.rowsTarget, group.count) {
        batches.append(current.sorted())
        current = []
      }
      current += group
    }
    if !current.isEmpty { batches.append(current.sorted()) }
    return batches
  }
}

/// More rows exchange names, MACs or addresses among each other than fit one transaction.
package struct ImportGroupTooLarge: Error, Sendable, Hashable {
  package var firstRow: Int
  package var count: Int
}
