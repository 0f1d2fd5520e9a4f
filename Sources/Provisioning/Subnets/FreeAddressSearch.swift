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

  /// All taken addresses up to some address, from the one asked for.
  package struct Piece: Hashable, Sendable {
    /// Ascending.
    package var taken: [IPv4Address]
    /// No address after the last of `taken` and up to here is taken.
    package var through: IPv4Address

    package init(taken: [IPv4Address], through: IPv4Address) {
      self.taken = taken
      self.through = through
    }
  }

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
  /// - Parameter read: Returns the taken addresses from the given one on, about `pieceSize`.
  package mutating func next(
    taken read: (IPv4Address) throws -> Piece
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
    _ address: IPv4Address, _ read: (IPv4Address) throws -> Piece
  ) rethrows -> Bool {
    if knownThrough.map({ address > $0 }) ?? true {
      let piece = try read(address)
      taken = piece.taken[...]
      knownThrough = max(piece.through, address)
    }
    while let lowest = taken.first, lowest < address { taken.removeFirst() }
    return taken.first == address
  }
}
