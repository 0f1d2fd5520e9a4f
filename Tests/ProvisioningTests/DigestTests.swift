import Testing

@testable import Provisioning

/// The expected values were computed by OpenSSL's SipHash over bytes written by hand, so that code
/// and vectors do not share a mistake.
@Suite struct DigestTests {
  @Test(arguments: [
    (0, "a3817f04ba25a8e66df67214c7550293", "310e0edd47db6f72"),
    (1, "da87c1d86b99af44347659119b22fc45", "fd67dc93c539f874"),
    (7, "a1f1ebbed8dbc153c0b84aa61ff08239", "37d1018bf50002ab"),
    (8, "3b62a9ba6258f5610f83e264f31497b4", "6224939a79f5f593"),
    (15, "5493e99933b0a8117e08ec0f97cfc3d9", "e545be4961ca29a1"),
    (63, "5150d1772f50834a503e069a973fbd7c", "724506eb4c328a95"),
  ])
  func sipHashIsThatOfTheReference(count: Int, long: String, short: String) {
    let message = (0..<count).map { UInt8($0) }
    let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
    let hash = sipHash128(message, key: key)
    #expect((0..<16).map { hexPair(UInt8(truncatingIfNeeded: hash >> UInt128(8 * $0))) }.joined() == long)
    let half = sipHash64(message, key: key)
    #expect((0..<8).map { hexPair(UInt8(truncatingIfNeeded: half >> UInt64(8 * $0))) }.joined() == short)
  }

  static let header = SubnetHeader(
    dhcpID: DHCPSubnetID(number: 7),
    spec: SubnetSpec(
      name: "hall1", prefix: "10.1.0.0/22", vlan: 101, gateway: "10.1.0.1", pool: ["10.1.3.0-10.1.3.99"],
      dnsServers: ["10.0.0.53"], domain: "dc1.example", isDHCPOn: true, relays: ["10.1.0.1"]))
  static let node = NodeID(bits: 0x018f_6b2e_7c00_7000_8000_0000_0000_0001)
  static let reserved = Binding(
    key: BindingKey(subnet: DHCPSubnetID(number: 7), mac: "52:54:00:00:00:2a"), node: node, hostname: "r1n42",
    address: "10.1.0.42", bootProfile: .local, bootOnce: BootOnce(profile: "rescue", token: 3))
  static let dynamic = Binding(
    key: BindingKey(subnet: DHCPSubnetID(number: 7), mac: "52:54:00:00:00:2b"), node: node, hostname: "r1n42",
    address: nil, bootProfile: nil)

  private func hex(_ bytes: [UInt8]) -> String { bytes.map(hexPair).joined() }

  @Test func rowsAreEncodedByteByByteAsWritten() {
    #expect(
      hex(RowHash.encode(Self.header))
        == "010100000007000568616c6c31000764656661756c740a0100001600650a0100010100000e10"
        + "00010a0103000a01036300010a000035000b6463312e6578616d706c65000000010a010001")
    #expect(
      hex(RowHash.encode(Self.reserved))
        == "01020000000752540000002a018f6b2e7c0070008000000000000001010a01002a"
        + "000572316e343200056c6f63616c00067265736375650000000000000003")
    #expect(
      hex(RowHash.encode(Self.dynamic))
        == "01020000000752540000002b018f6b2e7c00700080000000000000010000000000"
        + "000572316e3432000000000000000000000000")
  }

  @Test func theDigestIsTheSumOfTheRowHashes() {
    #expect(SubnetDigest(bits: RowHash(Self.header).bits).description == "ddb85ea70c29aace941f1b3076f951ae")
    #expect(SubnetDigest(bits: RowHash(Self.reserved).bits).description == "ca878ed5782ac834b642e813553dbb1a")
    #expect(SubnetDigest(bits: RowHash(Self.dynamic).bits).description == "309a56eea22fb6b6d57b42cad1130095")
    let digest = SubnetDigest(header: Self.header, bindings: [Self.dynamic, Self.reserved])
    #expect(digest.description == "d8da446b268429ba1fdd460e9d4a0d5d")
    var changed = digest
    changed.remove(RowHash(Self.dynamic))
    changed.insert(RowHash(Self.dynamic))
    #expect(changed == digest)
    #expect(SubnetDigest(high: digest.high, low: digest.low) == digest)
  }

  @Test func everyFieldOfARowCounts() {
    var rows = [Self.reserved]
    func edit(_ change: (inout Binding) -> Void) {
      var row = Self.reserved
      change(&row)
      rows.append(row)
    }
    edit { $0.key.subnet = DHCPSubnetID(number: 8) }
    edit { $0.key.mac = "52:54:00:00:00:2b" }
    edit { $0.node = NodeID(bits: 1) }
    edit { $0.hostname = "r1n43" }
    edit { $0.address = nil }
    edit { $0.address = "10.1.0.43" }
    edit { $0.bootProfile = nil }
    edit { $0.bootOnce = nil }
    edit { $0.bootOnce?.token = 4 }
    #expect(Set(rows.map { RowHash($0) }).count == rows.count)
  }
}
