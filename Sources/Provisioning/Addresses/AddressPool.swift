/// The addresses of a subnet that are given to machines without a reservation: ascending ranges
/// that do not overlap, by its type.
package struct AddressPool: Hashable, Sendable {
  package let ranges: [AddressRange]

  /// The most ranges in one pool.
  package static let rangesMax = 16

  package static let empty = AddressPool()

  private init() {
    ranges = []
  }

  package init(_ range: AddressRange) {
    ranges = [range]
  }

  /// Sorts `ranges`. Neighbours stay apart, so that what an operator wrote is what they read.
  package init(_ ranges: [AddressRange]) throws(AddressPoolError) {
    guard ranges.count <= Self.rangesMax else { throw .tooMany }
    let sorted = ranges.sorted()
    for (a, b) in zip(sorted, sorted.dropFirst()) where a.overlaps(b) { throw .overlap(a, b) }
    self.ranges = sorted
  }

  package var isEmpty: Bool { ranges.isEmpty }

  /// How many addresses.
  package var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// - Complexity: O(log n) in the number of ranges.
  package func contains(_ address: IPv4Address) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < address { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(address)
  }

  /// The parts of this pool that `other` does not hold, ascending.
  package func subtracting(_ other: AddressPool) -> [AddressRange] {
    var rest: [AddressRange] = []
    for range in ranges {
      var start: IPv4Address? = range.first
      for cut in other.ranges where cut.overlaps(range) {
        if let from = start, let end = cut.first.previous, from < cut.first {
          rest.append(AddressRange(first: from, last: end))
        }
        start = cut.last.next
        if let from = start, from > range.last { start = nil }
        if start == nil { break }
      }
      if let from = start { rest.append(AddressRange(first: from, last: range.last)) }
    }
    return rest
  }
}

extension AddressPool: CustomStringConvertible {
  package var description: String { ranges.map(\.description).joined(separator: " ") }
}

extension AddressPool: ExpressibleByArrayLiteral {
  /// For pools written in the program; a wrong one is a mistake in the program.
  package init(arrayLiteral ranges: AddressRange...) {
    do { try self.init(ranges) } catch { preconditionFailure("\(ranges): \(error)") }
  }
}

/// Why ranges are not a pool.
package enum AddressPoolError: Error, Sendable, Hashable {
  case overlap(AddressRange, AddressRange)
  case tooMany
}
