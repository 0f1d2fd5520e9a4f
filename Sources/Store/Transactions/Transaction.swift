package import Provisioning

/// One change of the store, all or nothing. It reads its own writes; `StoreView` has the reads,
/// `Transaction+….swift` the writes by topic.
package struct Transaction: StoreView, ~Copyable {
  package let tables: any Tables
  package let now: Timestamp
  package let leaseNow: Timestamp
  private let random: @Sendable () -> UInt64
  /// The generation this transaction took in each subnet: one, however often it writes there.
  var generations: [DHCPSubnetID: Generation] = [:]
  /// What to tell after the commit.
  package internal(set) var notice = CommitNotice()

  init(tables: any Tables, _ environment: StoreEnvironment) {
    self.tables = tables
    now = environment.now()
    leaseNow = environment.leaseClock.now
    random = environment.random
  }

  /// A new identifier.
  package func identifier<Kind>(_: Kind.Type = Kind.self) -> Identifier<Kind> {
    Identifier(at: now, random: (random(), random()))
  }

  /// Draws a new incarnation, which makes every agent verify what it has: for a store that was
  /// restored, or whose head an agent is ahead of.
  package mutating func drawIncarnation() throws -> Incarnation {
    let incarnation = Incarnation(bits: UInt128(random()) << 64 | UInt128(random()))
    try tables.setIncarnation(incarnation)
    notice.isEverything = true
    return incarnation
  }

  /// Remembers by how much the wall clock is ahead of the clock of leases, nanoseconds.
  package mutating func keep(clockJumps: Int64) throws { try tables.setClockJumps(clockJumps) }

  /// Moves the head of a subnet's feed, once in this transaction, and returns the generation to write
  /// at. The caller stores the row with `keep`.
  func advance(_ row: inout SubnetRow) -> Generation {
    if let taken = generations[row.subnet.dhcpID] { return taken }
    row.progress.head = row.progress.head.next
    row.progress.changedAt = now
    return row.progress.head
  }

  /// Writes a row whose feed changed at `generation`.
  mutating func keep(_ row: SubnetRow, at generation: Generation) throws {
    generations[row.subnet.dhcpID] = generation
    notice.heads[row.subnet.dhcpID] = generation
    try tables.updateProgress(row)
  }

  /// The generations taken so far, in the order of the subnets' numbers.
  package func takenGenerations() throws -> [SubnetGeneration] {
    try generations.sorted { $0.key < $1.key }.map { dhcpID, generation in
      guard let row = try tables.subnet(dhcpID) else { throw StoreError.unreadable(what: "subnet \(dhcpID)") }
      return SubnetGeneration(subnet: row.subnet.name, dhcpID: dhcpID, generation: generation)
    }
  }
}
