import Testing

@testable import Provisioning

@Suite struct EnlistmentTests {
  private func node(_ name: NodeName, _ macs: [MACAddress], serial: SerialNumber? = nil, uuid: HardwareUUID? = nil)
    -> Node
  {
    let interfaces = macs.enumerated().map { index, mac in
      NetworkInterface(name: InterfaceName(stringLiteral: "eth\(index)"), mac: mac, subnet: nil)
    }
    return Node(
      id: NodeID(bits: UInt128(name.text.hashValue.magnitude)),
      spec: NodeSpec(name: name, interfaces: interfaces, serial: serial, uuid: uuid), state: .ready,
      revision: Revision(1), created: Timestamp(seconds: 0), updated: Timestamp(seconds: 0), updatedBy: .local)
  }

  private let one: MACAddress = "52:54:00:00:00:01"
  private let two: MACAddress = "52:54:00:00:00:02"
  private let uuid: HardwareUUID = "4c4c4544-0042-3510-8054-b7c04f595931"

  @Test func anUnknownMachineIsNew() {
    let report = EnlistmentReport(macs: [one], serial: "7XK2", uuid: nil)
    #expect(report.match(among: []) == .new)
    #expect(report.nodeName == "new-525400000001")
  }

  @Test func aMachineWithAKnownMACIsThatNode() {
    let known = node("a", [one, two])
    #expect(EnlistmentReport(macs: [two], serial: "7XK2", uuid: uuid).match(among: [known]) == .same(known.id))
    let marked = node("a", [one], serial: "7XK2", uuid: uuid)
    #expect(EnlistmentReport(macs: [one, two], serial: "7XK2", uuid: uuid).match(among: [marked]) == .same(marked.id))
  }

  @Test func aCardThatMovedIsAConflict() {
    let known = node("a", [one], serial: "OTHER1")
    #expect(
      EnlistmentReport(macs: [one], serial: "7XK2", uuid: nil).match(among: [known])
        == .conflict(["a"], reason: .macOfOtherMachine))
  }

  @Test func cardsOfTwoNodesAreAConflict() {
    #expect(
      EnlistmentReport(macs: [one, two], serial: nil, uuid: nil).match(among: [node("b", [two]), node("a", [one])])
        == .conflict(["a", "b"], reason: .macsOfSeveralNodes))
  }

  @Test func aKnownSerialWithStrangeMACsIsAConflict() {
    let known = node("a", [one], serial: "7XK2")
    #expect(
      EnlistmentReport(macs: [two], serial: "7XK2", uuid: nil).match(among: [known])
        == .conflict(["a"], reason: .identityOfOtherMachine))
  }

  @Test func placeholdersIdentifyNobody() {
    let known = node("a", [one], serial: "To be filled by O.E.M.", uuid: "00000000-0000-0000-0000-000000000000")
    let report = EnlistmentReport(
      macs: [two], serial: "To be filled by O.E.M.", uuid: "00000000-0000-0000-0000-000000000000")
    #expect(report.match(among: [known]) == .new)
    let same = EnlistmentReport(macs: [one], serial: "7XK2", uuid: uuid)
    #expect(same.match(among: [known]) == .same(known.id))
  }

  @Test(arguments: [
    "To Be Filled By O.E.M.", "Default string", "System Serial Number", "0", "00000000", "xxxx", "N/A", "None",
    "0123456789", "Not Specified", "-",
  ])
  func vendorsPlaceholdersAreKnown(text: String) throws {
    #expect(try SerialNumber(text).isPlaceholder)
  }

  @Test func realMarksAreNoPlaceholders() {
    for serial in ["7XK2", "CN7016347I0012", "S1234567X"] as [SerialNumber] { #expect(!serial.isPlaceholder) }
    #expect(!uuid.isPlaceholder)
    #expect(HardwareUUID("ffffffff-ffff-ffff-ffff-ffffffffffff").isPlaceholder)
    #expect(HardwareUUID("03000200-0400-0500-0006-000700080009").isPlaceholder)
  }
}
