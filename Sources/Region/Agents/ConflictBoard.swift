internal import Provisioning
internal import Synchronization

/// Machines that could not be taken in because they clash with nodes, for the list of problems. Kept in memory: a
/// machine that still clashes says so again at its next phone-home.
package final class ConflictBoard: Sendable {
  struct Conflict: Sendable, Hashable {
    var mac: MACAddress
    var subnet: SubnetName
    var why: String
  }

  private struct Entry {
    var conflict: Conflict
    var seen: Timestamp
    var recorded: Timestamp
  }

  private let entries = Mutex<[MACAddress: Entry]>([:])

  /// Machines that are remembered; of more the new ones are only events.
  static let machinesMax = 1_000
  /// A machine that was not seen for so long is forgotten, in seconds.
  static let keptSeconds: Int64 = 86_400
  /// An unchanged conflict becomes an event again after so many seconds.
  static let repeatedSeconds: Int64 = 3_600

  package init() {}

  /// What clashes now, by MAC.
  func conflicts(now: Timestamp) -> [Conflict] {
    entries.withLock { entries in
      let start = now.advanced(bySeconds: -Self.keptSeconds)
      entries = entries.filter { $0.value.seen >= start }
      return entries.values.map(\.conflict).sorted { $0.mac < $1.mac }
    }
  }

  /// True if the conflict is worth an event: it is new, another than before, or the last word is long ago.
  func isNews(_ conflict: Conflict, now: Timestamp) -> Bool {
    entries.withLock { entries in
      guard let entry = entries[conflict.mac], entry.conflict == conflict else { return true }
      return entry.recorded.advanced(bySeconds: Self.repeatedSeconds) <= now
    }
  }

  func note(_ conflicts: [Conflict], now: Timestamp) {
    entries.withLock { entries in
      for conflict in conflicts {
        let known = entries[conflict.mac]
        guard known != nil || entries.count < Self.machinesMax else { continue }
        let isOld = known.map { $0.conflict == conflict && $0.recorded.advanced(bySeconds: Self.repeatedSeconds) > now }
        entries[conflict.mac] = Entry(
          conflict: conflict, seen: now, recorded: isOld == true ? known?.recorded ?? now : now)
      }
    }
  }

  /// The machine was taken in after all, or is a known one.
  func settle(_ macs: [MACAddress]) {
    entries.withLock { entries in
      for mac in macs { entries[mac] = nil }
    }
  }
}
