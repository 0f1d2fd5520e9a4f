import GRDB
import Testing

@testable import Store

@Suite struct QueryPlanTests {
  private func database() throws -> DatabaseQueue {
    let queue = try DatabaseQueue()
    try queue.write { db in
      for step in Schema.steps { try db.execute(sql: step) }
    }
    return queue
  }

  private func plan(_ sql: String, _ db: Database) throws -> [String] {
    let arguments = StatementArguments([Int](repeating: 1, count: sql.count { $0 == "?" }))
    return try String.fetchAll(
      db, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments, adapter: SuffixRowAdapter(fromIndex: 3))
  }

  /// What one edit costs must not depend on how many nodes there are.
  @Test func noStatementReadsAWholeTableOrSorts() throws {
    try database().read { db in
      for sql in SQL.all {
        let lines = try plan(sql, db)
        for line in lines {
          #expect(!line.hasPrefix("SCAN"), "\(sql)\n\(line)")
          #expect(!line.contains("USE TEMP B-TREE"), "\(sql)\n\(line)")
        }
      }
    }
  }

  @Test func theStatementsThatMayWalkATableStopAtTheirLimit() throws {
    try database().read { db in
      for sql in [SQL.oldestEvent, SQL.newestEvent, SQL.oldestEvents] {
        #expect(sql.contains("LIMIT"))
        let lines = try plan(sql, db)
        for line in lines { #expect(!line.contains("USE TEMP B-TREE"), "\(sql)\n\(line)") }
      }
    }
  }
}
