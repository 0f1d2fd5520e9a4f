/// The near word a person probably meant.
enum Suggestion {
  /// Edits beyond which two words are not alike.
  private static let editsMax = 3

  /// `; did you mean 'serial'?`, or nothing.
  static func clause(for word: String, among known: [String]) -> String {
    let best = known
      .map { (word: $0, edits: edits(Array(word), Array($0))) }
      .min { $0.edits < $1.edits }
    guard let best, best.edits <= min(editsMax, max(1, word.count / 2)) else {
      return "; known are \(known.joined(separator: ", "))"
    }
    return "; did you mean '\(best.word)'?"
  }

  /// Levenshtein's distance.
  private static func edits(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let substitution = diagonal + (left == right ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
