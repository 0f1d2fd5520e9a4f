/// Finds free addresses of a subnet for `auto`, the lowest first.
///
/// It starts at a cursor below which nothing is free and reads the taken addresses in ascending
/// pieces, so one address costs what lies between the cursor and the next gap, and a batch of
/// addresses reads each piece once.
package struct FreeAddressSearch: Sendable {
  private let last: IPv4Address
  private let first: IPv4Address
  private let excluded: [AddressRange]
  /// Given out or claimed by others of the same write.
  private var claimed: Set<IPv4Address> = []
  /// Taken addresses up to `knownThrough`, ascending.
  private var taken: ArraySlice<IPv4Address> = []
  private var knownThrough: IPv4Address?
  private var hasWrapped = false
  /// No address of the subnet below is free.
  package private(set) var cursor: IPv4Address

  /// How many taken addresses are read at once.
  package static let pieceSize = 512

  /// - Parameter cursor: Where to begin; `nil` or an address of another subnet: at the lowest.
  package init(_ facts: SubnetFacts, from cursor: IPv4Address?) {
    first = facts.prefix.network
    last = facts.prefix.broadcast
    excluded = facts.excluded
    self.cursor = cursor.flatMap { facts.prefix.contains($0) ? $0 : nil } ?? facts.prefix.network
    hasWrapped = self.cursor == first
  }

  /// Keeps an address from being found.
  package mutating func claim(_ address: IPv4Address) { claimed.insert(address) }

  /// The lowest free address, which is then claimed; `nil` if there is none.
  ///
  /// - Parameter taken: Returns the taken addresses from the given one on, ascending, at most as
  ///   many as the number says; fewer means that there are no more.
  package mutating func next(
    taken read: (IPv4Address, Int) throws -> [IPv4Address]
  ) rethrows -> IPv4Address? {
    var candidate: IPv4Address? = cursor
    while true {
      while let address = candidate, address <= last {
        if let range = exclusion(of: address) {
          candidate = range.last.next
        } else if claimed.contains(address) {
          candidate = address.next
        } else if try isTaken(address, read) {
          candidate = address.next
        } else {
          claimed.insert(address)
          cursor = address.next ?? address
          return address
        }
      }
      // The cursor is a hint; before saying "full" look below it once.
      guard !hasWrapped else { return nil }
      hasWrapped = true
      candidate = first
      (taken, knownThrough) = ([], nil)
    }
  }

  private func exclusion(of address: IPv4Address) -> AddressRange? {
    var low = 0
    var high = excluded.count
    while low < high {
      let middle = (low + high) / 2
      if excluded[middle].last < address { low = middle + 1 } else { high = middle }
    }
    guard low < excluded.count, excluded[low].contains(address) else { return nil }
    return excluded[low]
  }

  private mutating func isTaken(
    _ address: IPv4Address, _ read: (IPv4Address, Int) throws -> [IPv4Address]
  ) rethrows -> Bool {
    if knownThrough == nil || address > knownThrough! {
      let piece = try read(address, Self.pieceSize)
      taken = piece[...]
      knownThrough = piece.count < Self.pieceSize ? last : piece.last
    }
    while let lowest = taken.first, lowest < address { taken.removeFirst() }
    return taken.first == address
  }
}
