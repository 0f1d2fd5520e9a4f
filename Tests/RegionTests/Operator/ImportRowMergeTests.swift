import Provisioning
import Testing

@testable import Region

@Suite struct ImportRowMergeTests {
  static let existing = NodeDraft(
    name: "r1n1",
    interfaces: [
      .init(name: "eth0", mac: "52:54:00:00:00:01", subnet: "hall1", address: "10.1.0.11", boot: true),
      .init(name: "eth1", mac: "52:54:00:00:01:01", subnet: "stor1", address: "10.2.0.11"),
    ], tags: ["gpu"], serial: "7XK2", location: "h1/r1/u1")

  private func merge(
    _ node: NodeDraft, _ paths: [String] = [], into existing: NodeDraft? = Self.existing
  ) throws -> NodeDraft {
    try ImportRowMerge.merge(node, paths: paths, into: existing)
  }

  @Test func anExportImportedAgainChangesNothing() throws {
    #expect(try merge(Self.existing) == Self.existing)
    let paths = ["name", "uid", "revision", "status", "tags", "interfaces", "serial", "location"]
    #expect(try merge(Self.existing, paths) == Self.existing)
  }

  @Test func anEmptyCellLeavesItsFieldUnchanged() throws {
    let row = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth0")])
    #expect(try merge(row, ["interfaces.*"]) == Self.existing)
  }

  @Test func aStatedEmptyFieldIsCleared() throws {
    #expect(try merge(.init(name: "r1n1"), ["serial"]).serial == "")
  }

  @Test func aCellChangesItsInterfaceOnly() throws {
    let row = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth1", mac: "52:54:00:00:01:aa")])
    let merged = try merge(row, ["interfaces.*"])
    #expect(merged.interfaces[0] == Self.existing.interfaces[0])
    #expect(merged.interfaces[1].mac == "52:54:00:00:01:aa")
    #expect(merged.interfaces[1].address == "10.2.0.11")
  }

  @Test func aNewInterfaceIsAppended() throws {
    let row = NodeDraft(
      name: "r1n1", interfaces: [.init(name: "eth2", mac: "52:54:00:00:02:01", subnet: "hall1", address: "auto")])
    #expect(try merge(row, ["interfaces.*"]).interfaces.map(\.name) == ["eth0", "eth1", "eth2"])
  }

  @Test func aMoveToAnotherSubnetForgetsTheOldAddress() throws {
    let row = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth1", subnet: "hall1")])
    #expect(try merge(row, ["interfaces.*"]).interfaces[1].address == "")
  }

  @Test func aDashClears() throws {
    let address = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth1", address: "-")])
    #expect(try merge(address, ["interfaces.*"]).interfaces[1].address == "dynamic")
    let subnet = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth1", subnet: "-")])
    #expect(try merge(subnet, ["interfaces.*"]).interfaces[1].subnet == "")
    #expect(try merge(subnet, ["interfaces.*"]).interfaces[1].address == "")
  }

  @Test func theBootFlagMoves() throws {
    let row = NodeDraft(name: "r1n1", interfaces: [.init(name: "eth1", boot: true)])
    #expect(try merge(row, ["interfaces.*"]).interfaces.map(\.boot) == [false, true])
  }

  @Test func aListedInterfacesReplacesTheWholeList() throws {
    let row = NodeDraft(
      name: "r1n1", interfaces: [.init(name: "eth0", mac: "52:54:00:00:00:01", subnet: "hall1")])
    let merged = try merge(row)
    #expect(merged.interfaces.count == 1)
    #expect(merged.interfaces[0].address == "10.1.0.11")
  }

  @Test func anInterfaceWithoutANameIsFoundByItsMAC() throws {
    let row = NodeDraft(interfaces: [.init(mac: "52-54-00-00-01-01", address: "10.2.0.99")])
    let merged = try merge(row, ["interfaces.*"])
    #expect(merged.interfaces.map(\.name) == ["eth0", "eth1"])
    #expect(merged.interfaces[1].address == "10.2.0.99")
  }

  @Test func anUnknownPathIsRefused() {
    #expect(throws: InvalidFields.self) { try merge(.init(name: "r1n1"), ["sreial"]) }
  }
}
