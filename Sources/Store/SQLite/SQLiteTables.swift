internal import GRDB
internal import Provisioning

/// The rows of one connection, inside one transaction or snapshot.
final class SQLiteTables: Tables {
  let db: Database
  /// For messages.
  let path: String

  init(_ db: Database, path: String) {
    self.db = db
    self.path = path
  }

  func incarnation() throws -> Incarnation {
    Incarnation(bits: UInt128(octets: try meta("incarnation") ?? []))
  }

  func clockJumps() throws -> Int64 { try counter("clock_jumps") }

  func setClockJumps(_ nanoseconds: Int64) throws {
    try changeCounter("clock_jumps", by: nanoseconds &- counter("clock_jumps"))
  }

  func setIncarnation(_ incarnation: Incarnation) throws {
    try setMeta("incarnation", incarnation.bits.octets)
  }

  func profilesRevision() throws -> Revision { Revision(UInt64(bitPattern: try counter("profiles_revision"))) }

  func setProfilesRevision(_ revision: Revision) throws {
    try changeCounter("profiles_revision", by: Int64(bitPattern: revision.number) - counter("profiles_revision"))
  }

  func takeDHCPSubnetID() throws -> DHCPSubnetID? {
    let number = try counter("dhcp_id") + 1
    guard number <= Int64(DHCPSubnetID.numberMax) else { return nil }
    try changeCounter("dhcp_id", by: 1)
    return DHCPSubnetID(number: UInt32(number))
  }

  func meta(_ key: String) throws -> [UInt8]? {
    var query = try Query(self, SQL.meta)
    query.bind(key)
    return try query.step() ? query.bytes(0) : nil
  }

  func setMeta(_ key: String, _ value: [UInt8]) throws {
    var query = try Query(self, SQL.setMeta)
    query.bind(key)
    query.bind(value)
    try query.run()
  }

  func deleteMeta(_ key: String) throws {
    var query = try Query(self, SQL.deleteMeta)
    query.bind(key)
    try query.run()
  }

  /// Counters that would otherwise cost a scan.
  func counter(_ name: String) throws -> Int64 {
    var query = try Query(self, SQL.counter)
    query.bind(name)
    return try query.step() ? query.int(0) : 0
  }

  func changeCounter(_ name: String, by delta: Int64) throws {
    var query = try Query(self, SQL.changeCounter)
    query.bind(name)
    query.bind(delta)
    try query.run()
  }
}

/// Every statement the engine runs, so that a test can ask SQLite how it runs each.
enum SQL {
  static let meta = "SELECT value FROM meta WHERE key = ?"
  static let setMeta = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
  static let deleteMeta = "DELETE FROM meta WHERE key = ?"
  static let counter = "SELECT value FROM counters WHERE name = ?"
  static let changeCounter = """
    INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value
    """

  /// All statements: none may read a whole table or sort.
  static var all: [String] {
    [meta, setMeta, deleteMeta, counter, changeCounter] + nodeStatements + nodeListStatements + bindingStatements
      + subnetStatements + retiredStatements
      + agentStatements
      + recordStatements
  }
}
