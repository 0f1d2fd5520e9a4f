import Testing

@testable import OperatorCLI

@Suite struct JSONParsing {
  @Test(arguments: [
    "null", "true", "false", "0", "-1", "18446744073709551615", "1.5", "\"\"", "[]", "{}", "[1,[2,{}],\"x\"]",
    #"{"a":{"b":[true,null]},"c":"d"}"#,
  ])
  func whatIsWrittenReadsTheSame(text: String) throws {
    #expect(try JSONParser.parse(Array(text.utf8)).text == text)
  }

  @Test(arguments: [
    (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9é""#, "éé"), (#""\ud83d\ude00""#, "😀"), ("\" \u{7f}\"", " \u{7f}"),
  ])
  func escapesNameTheirCharacters(text: String, value: String) throws {
    #expect(try JSONParser.parse(Array(text.utf8)) == .string(value))
  }

  @Test(arguments: [
    ("", 1), ("{", 2), ("{\"a\"}", 5), ("{\"a\":1,}", 8), ("[1,]", 4), ("[1 2]", 4), ("01", 2), ("-", 2), ("[-0.5,00]", 8), ("1.", 3), ("tru", 1),
    ("{} {}", 4), ("\"a\nb\"", 3), (#""\x""#, 3), (#""\ud800""#, 8), (#""\ud800\u0041""#, 14), (#""\u12""#, 4), ("'a'", 1),
    ("{a:1}", 2), ("nan", 1), ("+1", 1),
  ])
  func whatIsNoJSONIsRefusedWhereItEnds(text: String, octet: Int) {
    #expect(throws: JSONParser.Failure.notJSON(octet: octet)) { try JSONParser.parse(Array(text.utf8)) }
  }

  @Test func whatIsNoUTF8IsRefused() {
    #expect(throws: JSONParser.Failure.notJSON(octet: 1)) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  @Test func nestingHasABound() throws {
    func nested(_ levels: Int) -> [UInt8] {
      Array((String(repeating: "[", count: levels) + String(repeating: "]", count: levels)).utf8)
    }
    _ = try JSONParser.parse(nested(JSONParser.depthMax))
    #expect(throws: JSONParser.Failure.tooDeep) { try JSONParser.parse(nested(JSONParser.depthMax + 1)) }
    #expect(throws: JSONParser.Failure.tooDeep) { try JSONParser.parse(nested(1_000_000)) }
  }

  @Test func aMemberThatStandsTwiceIsNamedByItsPath() {
    #expect(throws: JSONParser.Failure.duplicate(path: "a[1].b")) {
      try JSONParser.parse(Array(#"{"a":[{"b":1},{"b":1,"c":2,"b":3}]}"#.utf8))
    }
  }
}
