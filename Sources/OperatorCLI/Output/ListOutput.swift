/// Prints a list in the format asked for. Empty is a word on stderr and no error.
struct ListOutput<Element> {
  var region: RegionConnection
  var noun: String
  var plural: String
  var name: (Element) -> String
  var json: (Element) -> JSONValue

  func write(_ elements: [Element], table: ([Element]) -> Table) {
    let surroundings = region.surroundings
    switch region.format {
    case .json:
      let key = plural.split(separator: " ").joined(separator: "_")
      surroundings.output(JSONValue.object([key: .array(elements.map(json))]).text)
    case .name:
      surroundings.writeOutput(elements.map { "\(noun)/\(name($0))\n" }.joined())
    case .table:
      guard !elements.isEmpty else { return surroundings.note("No \(plural).") }
      surroundings.writeOutput(table(elements).text(color: surroundings.usesColor))
    }
  }
}

/// Walks a paged list to its end.
enum Paging {
  /// Objects a page: the largest the region allows.
  static let size: UInt32 = 1000
  /// Pages at most, so that a broken region cannot keep a client for ever: 10 million objects.
  static let pagesMax = 10_000

  /// - Parameter page: Takes a page token, returns the next; empty ends.
  static func all(_ page: (String) async throws -> String) async throws {
    var token = ""
    for _ in 0..<pagesMax {
      token = try await page(token)
      if token.isEmpty { return }
    }
    throw CommandFailure(.refused, "the list has more than \(pagesMax) pages; narrow it with a filter")
  }
}
