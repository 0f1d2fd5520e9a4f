internal import struct Foundation.Data
internal import GRDB
package import Provisioning

/// A machine that phoned home and that the region does not know of yet.
package struct SpooledEnlistment: Sendable, Hashable {
  /// 16 octets, drawn by this agent.
  package var id: [UInt8]
  package var dhcpID: DHCPSubnetID
  package var report: MachineReport
  package var time: Timestamp

  package init(id: [UInt8], dhcpID: DHCPSubnetID, report: MachineReport, time: Timestamp) {
    self.id = id
    self.dhcpID = dhcpID
    self.report = report
    self.time = time
  }
}

/// The spool of enlistments: durable until the region acknowledged them one by one, and bounded. When it is full the
/// oldest are kept, for a machine that is not enlisted phones home again and an older one may be off by now.
extension Mirror {
  /// Enlistments kept while the region cannot be reached.
  package static let spoolMax = 10_000

  package enum SpoolOutcome: Sendable, Hashable {
    case spooled
    /// The same machine said the same before, and the region has not taken it yet.
    case alreadySpooled
    case full
  }

  package func spool(_ enlistment: SpooledEnlistment, max: Int = Mirror.spoolMax) throws(MirrorError) -> SpoolOutcome {
    try change { content, _, db in
      let report = Data(MirrorEncoding.encode(enlistment.report))
      let isKnown = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM enlistment WHERE dhcp_id = ? AND report = ?)",
        arguments: [enlistment.dhcpID.number, report])
      guard isKnown != true else { return .alreadySpooled }
      guard content.spooled < max else { return .full }
      try db.execute(
        sql: "INSERT INTO enlistment (id, dhcp_id, report, time) VALUES (?, ?, ?, ?)",
        arguments: [Data(enlistment.id), enlistment.dhcpID.number, report, enlistment.time.nanoseconds])
      content.spooled += 1
      return .spooled
    }
  }

  /// The oldest of the spool that are not in `excluded`.
  package func spooledEnlistments(limit: Int, excluding excluded: Set<[UInt8]>) throws(MirrorError) -> [SpooledEnlistment] {
    guard content.spooled > excluded.count else { return [] }
    return try read { db in
      let rows = try Row.fetchCursor(
        db, sql: "SELECT id, dhcp_id, report, time FROM enlistment ORDER BY sequence LIMIT ?",
        arguments: [limit + excluded.count])
      var found: [SpooledEnlistment] = []
      while found.count < limit, let row = try rows.next() {
        let id = bytes(row["id"])
        guard !excluded.contains(id) else { continue }
        found.append(
          SpooledEnlistment(
            id: id, dhcpID: DHCPSubnetID(number: row["dhcp_id"]), report: try MirrorEncoding.report(bytes(row["report"])),
            time: Timestamp(nanoseconds: row["time"])))
      }
      return found
    }
  }

  /// Forgets enlistments that are durable in the region. Unknown ids are no error: an acknowledgement may come twice.
  package func acknowledgeEnlistments(_ ids: [[UInt8]]) throws(MirrorError) {
    guard !ids.isEmpty else { return }
    try change { content, _, db in
      for id in ids {
        try db.execute(sql: "DELETE FROM enlistment WHERE id = ?", arguments: [Data(id)])
        content.spooled -= db.changesCount
      }
    }
  }
}
