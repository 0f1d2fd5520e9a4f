import Provisioning
import Testing

@testable import Region

@Suite struct ImportIndexTests {
  static let subnets: [SubnetName: SubnetFacts] = [
    "hall1": facts("hall1", 1, "10.1.0.0/22"), "stor1": facts("stor1", 2, "10.2.0.0/22"),
    "lab1": facts("lab1", 3, "10.1.0.0/22", fabric: "lab"),
  ]

  private static func facts(
    _ name: SubnetName, _ number: UInt32, _ prefix: IPv4Prefix, fabric: FabricName = .default
  ) -> SubnetFacts {
    let now = Timestamp(seconds: 0)
    return SubnetFacts(
      Subnet(
        id: SubnetID(bits: UInt128(number)), dhcpID: DHCPSubnetID(number: number),
        spec: SubnetSpec(name: name, fabric: fabric, prefix: prefix), revision: Revision(1), created: now, updated: now,
        updatedBy: .local))
  }

  private func spec(
    _ name: NodeName, _ mac: MACAddress, _ subnet: SubnetName? = "hall1", _ address: InterfaceAddress = .dynamic
  ) -> NodeSpec {
    NodeSpec(name: name, interfaces: [.init(name: "eth0", mac: mac, subnet: subnet, address: address, boot: true)])
  }

  private func node(_ spec: NodeSpec) -> Node {
    .adding(spec, state: .ready, hardware: Hardware(), id: NodeID(bits: 1), at: Timestamp(seconds: 0), by: .local)
  }

  private func clashes(_ rows: [ImportIndex.Row]) -> [[String]] {
    var index = ImportIndex()
    return rows.enumerated().map { number, row in
      index.add(number, row, subnets: Self.subnets).map { "\($0.field) \($0.value) row \($0.row)" }
    }
  }

  @Test func aMACMayBeInTwoFabrics() {
    let rows = [
      ImportIndex.Row(before: nil, after: spec("a", "52:54:00:00:00:01", "hall1")),
      ImportIndex.Row(before: nil, after: spec("b", "52:54:00:00:00:01", "lab1")),
    ]
    #expect(clashes(rows) == [[], []])
  }

  @Test func aMACWithoutASubnetMayBeAnywhere() {
    let rows = [
      ImportIndex.Row(before: nil, after: spec("a", "52:54:00:00:00:01", "hall1")),
      ImportIndex.Row(before: nil, after: spec("b", "52:54:00:00:00:01", nil)),
    ]
    #expect(clashes(rows) == [[], ["interfaces[0].mac 52:54:00:00:00:01 row 0"]])
  }

  @Test func theSameNumberInAnotherSubnetIsAnotherAddress() {
    let rows = [
      ImportIndex.Row(before: nil, after: spec("a", "52:54:00:00:00:01", "hall1", .fixed("10.1.0.5"))),
      ImportIndex.Row(before: nil, after: spec("b", "52:54:00:00:00:02", "lab1", .fixed("10.1.0.5"))),
      ImportIndex.Row(before: nil, after: spec("c", "52:54:00:00:00:03", "hall1", .fixed("10.1.0.5"))),
    ]
    #expect(clashes(rows) == [[], [], ["interfaces[0].address 10.1.0.5 row 0"]])
  }

  @Test func aRowThatClashesClaimsNothing() {
    let rows = [
      ImportIndex.Row(before: nil, after: spec("a", "52:54:00:00:00:01")),
      ImportIndex.Row(before: nil, after: spec("a", "52:54:00:00:00:02")),
      ImportIndex.Row(before: nil, after: spec("b", "52:54:00:00:00:02")),
    ]
    #expect(clashes(rows) == [[], ["name a row 0"], []])
  }

  @Test func whoeverTakesWhatAnotherHadIsTiedToIt() throws {
    var index = ImportIndex()
    let old = node(spec("a", "52:54:00:00:00:01", "hall1", .fixed("10.1.0.5")))
    _ = index.add(
      0, .init(before: old, after: spec("a", "52:54:00:00:00:01", "hall1", .fixed("10.1.0.6"))), subnets: Self.subnets)
    for number in 1...ImportBatches.rowsTarget {
      let name = NodeName(stringLiteral: "n\(number)")
      let mac = try MACAddress(bits: 0x5254_0100_0000 + UInt64(number))
      _ = index.add(number, .init(before: nil, after: spec(name, mac)), subnets: Self.subnets)
    }
    let last = ImportBatches.rowsTarget + 1
    _ = index.add(
      last, .init(before: nil, after: spec("z", "52:54:00:00:00:02", "hall1", .fixed("10.1.0.5"))),
      subnets: Self.subnets)
    let batches = try index.batches(count: last + 1) { _ in true }
    #expect(batches.count == 2)
    #expect(batches.contains { $0.contains(0) && $0.contains(last) })
  }

  @Test func claimsAreGivenBySubnet() {
    var index = ImportIndex()
    _ = index.add(
      0, .init(before: nil, after: spec("a", "52:54:00:00:00:01", "hall1", .fixed("10.1.0.5"))), subnets: Self.subnets)
    _ = index.add(
      1, .init(before: nil, after: spec("b", "52:54:00:00:00:02", "stor1", .fixed("10.2.0.5"))), subnets: Self.subnets)
    #expect(index.claimed(in: [DHCPSubnetID(number: 1)]) == [DHCPSubnetID(number: 1): ["10.1.0.5"]])
  }

  @Test func octetsSurviveTheirHexText() {
    let octets: [UInt8] = [0, 1, 15, 16, 127, 128, 255]
    #expect(octets.hexText == "00010f107f80ff")
    #expect([UInt8](hexText: octets.hexText) == octets)
    #expect([UInt8](hexText: "0") == nil)
    #expect([UInt8](hexText: "0g") == nil)
  }
}
