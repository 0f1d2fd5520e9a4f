internal import RPC
internal import Testing
internal import Wire

@Suite struct PageTokenTests {
  private let query = PageQuery("ListNodes", filters: ["subnet": "hall1", "tag": ""], order: "name")

  @Test(arguments: [[], [""], ["r1n42"], ["node é", "01923456-789a"], [String(repeating: "x", count: 300)]])
  func aPositionComesBack(position: [String]) throws {
    let text = PageToken(after: position).text(for: query)
    #expect(try PageToken(text, for: query).position == position)
    #expect(text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") })
  }

  @Test func theSameQueryInOtherWordsTakesIt() throws {
    let text = PageToken(after: ["r1n42"]).text(for: query)
    let same = PageQuery("ListNodes", filters: ["agent": "", "subnet": "hall1"], order: "name")
    #expect(try PageToken(text, for: same).position == ["r1n42"])
  }

  @Test(arguments: [
    PageQuery("ListNodes", filters: ["subnet": "hall2"], order: "name"),
    PageQuery("ListNodes", filters: ["subnet": "hall1", "tag": "gpu"], order: "name"),
    PageQuery("ListNodes", filters: ["subnet": "hall1"], order: "uid"),
    PageQuery("ListSubnets", filters: ["subnet": "hall1"], order: "name"),
    PageQuery("ListNodes", filters: ["tag": "hall1"], order: "name"),
  ])
  func theTokenOfAnotherQueryIsRefused(other: PageQuery) {
    let text = PageToken(after: ["r1n42"]).text(for: query)
    #expect(throws: PageTokenError.foreign) { _ = try PageToken(text, for: other) }
  }

  @Test func everyDamagedTokenIsRefused() {
    let text = Array(PageToken(after: ["r1n42", "7"]).text(for: query).utf8)
    for index in text.indices {
      var damaged = text
      damaged[index] = damaged[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(throws: PageTokenError.self) { _ = try PageToken(String(decoding: damaged, as: UTF8.self), for: query) }
      let cut = String(decoding: text[..<index], as: UTF8.self)
      #expect(throws: PageTokenError.malformed) { _ = try PageToken(cut, for: query) }
    }
    for text in ["nonsense!", "AAAA", String(repeating: "A", count: 5000), "é"] {
      #expect(throws: PageTokenError.malformed) { _ = try PageToken(text, for: query) }
    }
  }

  @Test func theRefusalNamesTheField() {
    let error = PageTokenError.foreign.rpcError
    #expect(error.code == .invalidArgument)
    #expect(error.fieldProblems.map(\.field) == ["page_token"])
    #expect(error.message == "page_token: belongs to a list with other filters or order. Begin again without one.")
  }

  @Test func pageSizesHaveTheirBounds() {
    #expect(PageSize.rows(0) == 100)
    #expect(PageSize.rows(7) == 7)
    #expect(PageSize.rows(5000) == 1000)
  }
}
