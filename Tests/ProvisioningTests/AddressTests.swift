import Testing

@testable import Provisioning

@Suite struct AddressTests {
  @Test func aMACIsReadInBothSpellings() throws {
    #expect(try MACAddress(given("52:54:00:AB:cd:01")).description == "52:54:00:ab:cd:01")
    #expect(try MACAddress(given("52-54-00-ab-cd-01")) == "52:54:00:ab:cd:01")
    #expect(try MACAddress(given("52:54:00:ab:cd:01")).compactText == "525400abcd01")
    #expect(MACAddress("52:54:00:00:00:01").octets == [0x52, 0x54, 0, 0, 0, 1])
  }

  @Test(arguments: [
    ("", MACAddressError.malformed), ("52:54:00:0:00:11", .malformed), ("52:54:00:00:00", .malformed),
    ("52:54:00:00:00:01:02", .malformed), ("52:54-00:00:00:01", .malformed), ("525400000001", .malformed),
    ("52:54:00:00:00:0g", .malformed), ("52:54:00:00:00:01\n", .malformed), ("５2:54:00:00:00:01", .malformed),
    ("00:00:00:00:00:00", .zero), ("ff:ff:ff:ff:ff:ff", .broadcast), ("01:00:5e:00:00:01", .multicast),
    ("33:33:00:00:00:01", .multicast),
  ])
  func aBadMACSaysWhatItIs(text: String, error: MACAddressError) {
    #expect(throws: error) { try MACAddress(text) }
  }

  @Test(arguments: [
    "", "10.1.0", "10.1.0.0.1", "10.1.0.256", "10.01.0.1", "10.1.0.1 ", "0x0a.1.0.1", "10..0.1", "1.2.3.4.",
  ])
  func aBadAddressIsRefused(text: String) {
    #expect(throws: IPv4AddressError.malformed) { try IPv4Address(text) }
  }

  @Test func addressesReadBackAsWritten() throws {
    for text in ["0.0.0.0", "10.1.0.42", "255.255.255.255"] { #expect(try IPv4Address(text).description == text) }
    #expect(IPv4Address("255.255.255.255").next == nil)
    #expect(IPv4Address("10.0.255.255").next == "10.1.0.0")
    for address in ["0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255"] as [IPv4Address] {
      #expect(!address.isHost)
    }
  }

  @Test func aPrefixKnowsItsEnds() throws {
    let prefix: IPv4Prefix = "10.1.0.0/22"
    #expect(prefix.broadcast == "10.1.3.255")
    #expect(prefix.netmask == "255.255.252.0")
    #expect(prefix.contains("10.1.2.7"))
    #expect(!prefix.contains("10.1.4.0"))
    #expect(prefix.overlaps("10.1.2.0/24") && prefix.overlaps("10.0.0.0/8") && !prefix.overlaps("10.1.4.0/22"))
    #expect(IPv4Prefix("0.0.0.0/0").contains("255.255.255.255"))
    #expect(throws: IPv4PrefixError.hostBits("10.1.0.0/22")) { try IPv4Prefix(given("10.1.1.0/22")) }
    for text in ["10.1.0.0", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/2x", "/8", "10.1.0.0/", "10.1.0.0/8/8"] {
      #expect(throws: IPv4PrefixError.malformed) { try IPv4Prefix(text) }
    }
  }

  @Test func aPoolIsSortedAndDisjoint() throws {
    let pool: AddressPool = ["10.1.3.50-10.1.3.99", "10.1.3.0-10.1.3.9"]
    #expect(pool.description == "10.1.3.0-10.1.3.9 10.1.3.50-10.1.3.99")
    #expect(pool.count == 60)
    #expect(pool.contains("10.1.3.9") && !pool.contains("10.1.3.10") && pool.contains("10.1.3.99"))
    #expect(throws: AddressPoolError.overlap("10.1.3.0-10.1.3.9", "10.1.3.9-10.1.3.20")) {
      try AddressPool(["10.1.3.9-10.1.3.20", "10.1.3.0-10.1.3.9"])
    }
    #expect(throws: AddressRangeError.backwards) { try AddressRange(given("10.1.3.9-10.1.3.1")) }
  }

  @Test func whatLeavesAPoolIsTheDifference() {
    let old: AddressPool = ["10.0.0.10-10.0.0.20", "10.0.0.30-10.0.0.40"]
    #expect(old.subtracting(old).isEmpty)
    #expect(old.subtracting(.empty) == old.ranges)
    #expect(
      old.subtracting(["10.0.0.5-10.0.0.12", "10.0.0.18-10.0.0.35"]) == ["10.0.0.13-10.0.0.17", "10.0.0.36-10.0.0.40"])
    #expect(
      old.subtracting(["10.0.0.15"]).map(\.description) == [
        "10.0.0.10-10.0.0.14", "10.0.0.16-10.0.0.20", "10.0.0.30-10.0.0.40",
      ])
    let all: AddressPool = ["0.0.0.0-255.255.255.255"]
    #expect(all.subtracting(["255.255.255.255"]) == ["0.0.0.0-255.255.255.254"])
    #expect(all.subtracting(["0.0.0.0"]) == ["0.0.0.1-255.255.255.255"])
  }
}

/// A text as it comes from outside: not a literal, which would be checked by trapping.
func given(_ text: String) -> String { text }
