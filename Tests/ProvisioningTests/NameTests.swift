import Testing

@testable import Provisioning

@Suite struct NameTests {
  @Test func namesSortNaturally() {
    let names = ["n1", "n2", "n10", "n10a", "n10b2", "n10b10", "r1n2", "r1n10", "r2n1", "r10n1"]
    #expect(names.shuffled().sorted(by: naturallyPrecedes) == names)
    #expect(naturallyPrecedes("n02", "n2") && naturallyPrecedes("n02", "n3") && naturallyPrecedes("n1", "n02"))
    #expect(naturallyPrecedes("n9", "n99999999999999999999") && naturallyPrecedes("n", "n0"))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func theOrderIsTotalAndKeysAreUnique(seed: UInt64) {
    var random = Seeded(state: seed)
    let texts = (0..<60).map { _ in
      String((0..<Int.random(in: 1...6, using: &random)).map { _ in "ab019-".randomElement(using: &random) ?? "a" })
    }
    #expect(Set(texts.map(naturalKey)).count == Set(texts).count)
    for a in texts {
      for b in texts where a != b { #expect(naturallyPrecedes(a, b) != naturallyPrecedes(b, a)) }
    }
  }

  @Test func hostNamesAreLettersDigitsAndHyphens() throws {
    #expect(try NodeName(given("Web-1")).text == "web-1")
    for text in [
      "", "-a", "a-", "a.b", "a_b", "a b", "ä", "a\0", "a\n", String(repeating: "a", count: 64), "a\"b", "a/b",
    ] {
      #expect(throws: ResourceNameError.self) { try NodeName(text) }
    }
    #expect(try NodeName(String(repeating: "a", count: 63)).text.count == 63)
    #expect(try SubnetName(given("hall_1.a")).text == "hall_1.a")
    for text in ["..", ".a", "a.", "_a", "a/b", "a b"] {
      #expect(throws: ResourceNameError.self) { try SubnetName(text) }
    }
    #expect(throws: ResourceNameError.tooLong(octetsMax: 15)) { try InterfaceName(given("enp0s31f6.100.10")) }
  }

  @Test func identifiersAreUUIDsOfVersion7InOrderOfTime() throws {
    let id = NodeID(at: Timestamp(nanoseconds: 1_700_000_000_123_456_789), random: (.max, .max))
    #expect(id.description == "018bcfe5-687b-7fff-bfff-ffffffffffff")
    #expect(try NodeID(id.description) == id)
    #expect(NodeID(at: Timestamp(seconds: 2), random: (0, 0)) > NodeID(at: Timestamp(seconds: 1), random: (.max, .max)))
    for text in [
      "", "018bcfe5687b7fffbfffffffffffffff", "018bcfe5-687b-7fff-bfff-fffffffffff",
      "{018bcfe5-687b-7fff-bfff-ffffffffffff}",
    ] {
      #expect(throws: UUIDTextError.self) { try NodeID(text) }
    }
  }

  @Test(arguments: [
    "a\"b", "a'b", "a\\b", "a`b", "a\nb", "a\0b", "a\u{7f}b", "a\u{202e}b", "a\u{2028}b", " a", "a ", "\u{feff}a",
  ])
  func textThatCouldEndAStringIsRefused(text: String) {
    #expect(throws: TextProblem.self) { try PlainText(text) }
    #expect(
      PlainText(sanitizing: text).text.unicodeScalars.allSatisfy { TextRule.isPrintable($0) && !TextRule.isQuoting($0) }
    )
  }

  @Test func plainTextMayBeOfAnyScript() throws {
    #expect(try PlainText(given("Köln, 1. Halle 棟")).text == "Köln, 1. Halle 棟")
    #expect(throws: TextProblem.tooLong(octetsMax: 128)) { try PlainText(String(repeating: "é", count: 65)) }
    #expect(PlainText(sanitizing: String(repeating: "é", count: 65)).text.utf8.count == 128)
    #expect(printable("a\u{1b}[2Jb", octetsMax: 64) == "a\\u{1b}[2Jb")
  }

  @Test(arguments: [
    "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a b", "a\\b", "a\"b", "", "a/", "ä",
    String(repeating: "a", count: 128),
  ])
  func aBootPathStaysBelowItsRoot(text: String) {
    #expect(throws: BootPathError.self) { try BootPath(text) }
  }

  @Test(arguments: ["a=\"b\"", "a ${net0/mac}", "a || shell", "a && b", "a\nb", "a\\b", "# a", "a=1 #b"])
  func kernelArgumentsHoldNothingThatIPXEReads(text: String) {
    #expect(throws: TextProblem.self) { try KernelArguments(text) }
  }

  @Test func aHashInsideAWordOfTheArgumentsIsPlain() throws {
    #expect(try KernelArguments(given("ds=nocloud#1 a=b")).text == "ds=nocloud#1 a=b")
  }
}
