internal import Provisioning

/// Writes the rows of one subnet at one generation and keeps digest and counts in step. What it
/// costs depends on the rows that change alone.
struct FeedWriter {
  private let tables: any Tables
  private let now: Timestamp
  private let leaseNow: Timestamp
  let generation: Generation
  private(set) var row: SubnetRow
  /// The rows as they were, from `prepare`.
  private var old: [BindingKey: BindingRow] = [:]

  init(tables: any Tables, row: SubnetRow, generation: Generation, now: Timestamp, leaseNow: Timestamp) {
    self.tables = tables
    self.row = row
    self.generation = generation
    self.now = now
    self.leaseNow = leaseNow
  }

  /// Reads the row before any is written, and takes its address out if it will have another: rows
  /// of one batch may pass an address on in any order.
  mutating func prepare(_ key: BindingKey, address: IPv4Address?) throws {
    guard let stored = try tables.binding(key) else { return }
    old[key] = stored
    if let had = stored.row.binding?.address, had != address { try tables.clearAddress(key) }
  }

  mutating func put(_ binding: Binding) throws {
    retire(old[binding.key])
    let hash = RowHash(binding)
    row.progress.digest.insert(hash)
    row.progress.bindings += 1
    if binding.address != nil { row.progress.reservations += 1 }
    try tables.putBinding(
      BindingRow(row: FeedRow(mac: binding.mac, generation: generation, binding: binding), hash: hash),
      subnet: binding.subnet)
  }

  mutating func bury(_ key: BindingKey) throws {
    guard let stored = old[key], stored.row.binding != nil else { return }
    retire(stored)
    try tables.putBinding(
      BindingRow(row: FeedRow(mac: key.mac, generation: generation, binding: nil), hash: nil), subnet: key.subnet)
  }

  private mutating func retire(_ stored: BindingRow?) {
    guard let stored, let binding = stored.row.binding else { return }
    if let hash = stored.hash { row.progress.digest.remove(hash) }
    row.progress.bindings -= 1
    if binding.address != nil { row.progress.reservations -= 1 }
  }

  /// An address that nobody has any more: held if somebody may have served it, else free.
  mutating func release(_ loss: AddressLoss) throws {
    guard HeldAddress.isNeeded(epoch: row.progress.epoch) else {
      if let cursor = row.autoCursor { row.autoCursor = min(cursor, loss.place.address) }
      return
    }
    let lease = try tables.lease(loss.place)
    try tables.putHold(
      HeldAddress(
        place: loss.place, mac: loss.mac, generation: generation, since: now,
        leaseEnds: lease.flatMap { $0.mac == loss.mac && $0.until > leaseNow ? $0.until : nil }))
  }
}
