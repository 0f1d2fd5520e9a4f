/// Finds what somebody probably meant who wrote a name that does not exist.
package enum NearName {
  /// Names looked at; more than that are not worth the time of a refused request.
  package static let candidatesMax = 10_000
  /// Octets of a name that takes part; longer ones are compared by nobody.
  package static let lengthMax = 63

  /// The candidate with the smallest edit distance to `name`, if it is near enough to be a slip: one edit
  /// in three octets, at most three. Of equally near ones the first in `candidates` wins.
  package static func suggestion(for name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.utf8)
    guard !wanted.isEmpty, wanted.count <= lengthMax else { return nil }
    let limit = min(3, max(1, wanted.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in candidates.prefix(candidatesMax) {
      let octets = Array(candidate.utf8)
      let bound = (best?.distance).map { $0 - 1 } ?? limit
      guard octets.count <= lengthMax, abs(octets.count - wanted.count) <= bound else { continue }
      let distance = editDistance(wanted, octets)
      if distance <= bound { best = (candidate, distance) }
      if best?.distance == 0 { break }
    }
    return best?.name
  }

  /// Levenshtein's distance where swapping two neighbours is one edit (optimal string alignment), ASCII
  /// letters compared without case.
  static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 0..<left.count {
      var current = [row + 1]
      current.reserveCapacity(right.count + 1)
      for column in 0..<right.count {
        let isEqual = folded(left[row]) == folded(right[column])
        var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (isEqual ? 0 : 1))
        if row > 0, column > 0, folded(left[row]) == folded(right[column - 1]),
          folded(left[row - 1]) == folded(right[column])
        {
          cost = min(cost, beforeLast[column - 1] + 1)
        }
        current.append(cost)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }

  private static func folded(_ octet: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet) ? octet | 0x20 : octet
  }
}
