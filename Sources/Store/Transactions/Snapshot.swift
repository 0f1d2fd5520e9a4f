package import Provisioning

/// Reads of the store that both a snapshot and a transaction offer. The methods stand in
/// `StoreView+….swift` by topic.
package protocol StoreView: ~Copyable {
  /// The engine's rows; for the methods of this module.
  var tables: any Tables { get }
  /// When the transaction or snapshot began.
  var now: Timestamp { get }
  /// The same by the clock by which leases and held addresses end.
  var leaseNow: Timestamp { get }
}

/// One state of the store. It ends with the closure that got it.
package struct Snapshot: StoreView, ~Copyable {
  package let tables: any Tables
  package let now: Timestamp
  package let leaseNow: Timestamp

  package init(tables: any Tables, now: Timestamp, leaseNow: Timestamp) {
    self.tables = tables
    self.now = now
    self.leaseNow = leaseNow
  }
}

/// A list in pieces: what was read, and where to go on.
package struct Page<Element: Sendable>: Sendable {
  package var items: [Element]
  /// The key after which the next piece begins; `nil` at the end. A piece may be short, even empty,
  /// and still have a next one: a filter that few rows pass is not followed for ever.
  package var next: [UInt8]?

  package init(items: [Element], next: [UInt8]?) {
    self.items = items
    self.next = next
  }
}
