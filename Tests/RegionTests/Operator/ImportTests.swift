import Provisioning
import RPC
import Testing
import Wire

@testable import Region

@Suite struct ImportTests {
  private func hall(_ range: ClosedRange<Int>) -> [MusterV1.Node] {
    range.map { index in
      let low = String(index % 256, radix: 16)
      let high = String(index / 256, radix: 16)
      return .sample(
        "r1n\(index)", mac: "52:54:00:00:\(high.count < 2 ? "0" + high : high):\(low.count < 2 ? "0" + low : low)",
        address: "10.1.\(index / 250).\(index % 250 + 2)")
    }
  }

  @Test func theSameFileTwiceIsNoChange() async throws {
    let lab = try await OperatorLab().addHalls()
    let first = try await lab.importNodes(hall(1...700))
    #expect(first.summary?.added == 700)
    #expect(first.summary?.applied == true)
    #expect(first.summary?.generations == [.init(subnet: "hall1", generation: 2)])
    #expect(first.progress.last == .init(published: 700, total: 700))
    let second = try await lab.importNodes(hall(1...700))
    #expect(second.summary?.unchanged == 700)
    #expect(second.summary?.added == 0)
    #expect(second.changes.isEmpty)
    #expect(second.summary?.generations.isEmpty == true)
  }

  @Test func badLinesAreAllReportedAndNothingIsApplied() async throws {
    let lab = try await OperatorLab().addHalls()
    var rows = hall(1...400)
    rows[16].interfaces[0].mac = "52:54:00:0:00:11"
    rows[89].interfaces[0].address = "10.1.3.10"
    rows[310].interfaces[0].mac = rows[203].interfaces[0].mac
    let report = try await lab.importNodes(rows)
    #expect(
      report.lines == [
        "17 interfaces[0].mac 52:54:00:0:00:11 is not a MAC address",
        "90 interfaces[0].address 10.1.3.10 is inside the pool of hall1 (10.1.3.0-10.1.3.99)",
        "311 interfaces[0].mac \(rows[203].interfaces[0].mac) also on line 204",
      ])
    #expect(report.problems.first { $0.line == 17 }?.fix == "write six pairs of hex digits")
    #expect(report.summary?.invalid == 3)
    #expect(report.summary?.applied == false)
    #expect(try await lab.nodes.listNodes(.init()).nodes.isEmpty)
  }

  @Test func keepGoingAppliesTheGoodOnes() async throws {
    let lab = try await OperatorLab().addHalls()
    var rows = hall(1...10)
    rows[3].interfaces[0].mac = "nonsense"
    rows[7].interfaces[0].subnet = "hall7"
    let report = try await lab.importNodes(rows, options: .init(keepGoing: true))
    #expect(report.summary?.added == 8)
    #expect(report.summary?.invalid == 2)
    #expect(report.summary?.applied == true)
    #expect(report.problems.map(\.line).sorted() == [4, 8])
    #expect(report.problems.first { $0.line == 8 }?.fix == "perhaps you mean 'hall1'")
    #expect(try await lab.nodes.listNodes(.init()).nodes.count == 8)
  }

  @Test func aDryRunPlansAndWritesNothing() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.importNodes(hall(1...5))
    var rows = hall(1...7)
    rows[1].interfaces[0].mac = "52:54:00:aa:00:0c"
    let report = try await lab.importNodes(rows, options: .init(validateOnly: true))
    #expect(report.summary?.added == 2)
    #expect(report.summary?.updated == 1)
    #expect(report.summary?.unchanged == 4)
    #expect(report.summary?.subnets == 1)
    #expect(report.summary?.applied == false)
    #expect(report.summary?.generations.isEmpty == true)
    let update = report.changes.first { $0.outcome == .updated }
    #expect(update?.name == "r1n2")
    #expect(update?.fields == [.init(field: "eth0.mac", before: "52:54:00:00:00:02", after: "52:54:00:aa:00:0c")])
    let added = report.changes.first { $0.name == "r1n6" }
    #expect(added.map { "\($0.subnet) \($0.address) \($0.mac)" } == "hall1 10.1.0.8 52:54:00:00:00:06")
    #expect(try await lab.nodes.listNodes(.init()).totalSize == 5)
    #expect(try await lab.node("r1n2").interfaces.first?.mac == "52:54:00:00:00:02")
  }

  @Test func twoNodesSwapAddressesInOneImport() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.addAgent("rack1", address: "10.1.3.254")
    _ = try await lab.importNodes(hall(1...3))
    var rows = hall(1...3)
    (rows[0].interfaces[0].address, rows[2].interfaces[0].address) = ("10.1.0.5", "10.1.0.3")
    let report = try await lab.importNodes(rows)
    #expect(report.problems.isEmpty)
    #expect(report.summary?.updated == 2)
    #expect(try await lab.node("r1n1").interfaces.first?.address == "10.1.0.5")
    #expect(try await lab.node("r1n3").interfaces.first?.address == "10.1.0.3")
  }

  @Test func rowsFarApartSwapInOneTransaction() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(subnet: .init(name: "big1", prefix: "10.8.0.0/16"))
    try await lab.addAgent("rack1", address: "10.8.255.200")
    func rows() -> [MusterV1.Node] {
      (0..<2_100).map { index in
        let hex = String(index + 0x10000, radix: 16).suffix(4)
        return .sample(
          "n\(index)", mac: "52:54:01:00:\(hex.prefix(2)):\(hex.suffix(2))", subnet: "big1",
          address: "10.8.\(index / 250).\(index % 250 + 2)")
      }
    }
    var first = rows()
    #expect(try await lab.importNodes(first).summary?.added == 2_100)
    let before = first
    first[0].interfaces[0].address = before[2_099].interfaces[0].address
    first[2_099].interfaces[0].address = before[0].interfaces[0].address
    first[1].interfaces[0].mac = before[2_098].interfaces[0].mac
    first[2_098].interfaces[0].mac = before[1].interfaces[0].mac
    for index in 2..<2_050 { first[index].location = "moved" }
    let report = try await lab.importNodes(first)
    #expect(report.problems.isEmpty)
    #expect(report.summary?.updated == 2_052)
  }

  @Test func autoAddressesAvoidWhatLaterRowsClaim() async throws {
    let lab = try await OperatorLab().addHalls()
    var rows = hall(1...3)
    rows[0].interfaces[0].address = "auto"
    rows[1].interfaces[0].address = "10.1.0.2"
    rows[2].interfaces[0].address = "10.1.0.3"
    let dry = try await lab.importNodes(rows, options: .init(validateOnly: true))
    let wet = try await lab.importNodes(rows)
    #expect(dry.changes == wet.changes)
    #expect(try await lab.node("r1n1").interfaces.first?.address == "10.1.0.4")
    // Imported again, 'auto' keeps what it chose.
    #expect(try await lab.importNodes(rows).summary?.unchanged == 3)
  }

  @Test func absentNodesAreRemovedOnlyWhenAsked() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.importNodes(hall(1...5))
    try await lab.enlist("new1", mac: "52:54:00:aa:00:01")
    #expect(try await lab.importNodes(hall(1...3)).summary?.removed == 0)
    let report = try await lab.importNodes(hall(1...3), options: .init(removeAbsent: true))
    #expect(report.summary?.removed == 2)
    #expect(report.changes.map(\.name).sorted() == ["r1n4", "r1n5"])
    let names = try await lab.nodes.listNodes(.init()).nodes.map(\.name)
    #expect(names == ["new1", "r1n1", "r1n2", "r1n3"])
  }

  @Test func nothingIsRemovedWhileARowCannotBeRead() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.importNodes(hall(1...5))
    var rows = hall(1...3)
    rows[0].name = "r1 n1"
    let report = try await lab.importNodes(rows, options: .init(keepGoing: true, removeAbsent: true))
    #expect(report.summary?.removed == 0)
    #expect(try await lab.nodes.listNodes(.init()).totalSize == 5)
  }

  @Test func theMACFindsTheNodeAndTheNameRenamesIt() async throws {
    let lab = try await OperatorLab().addHalls()
    _ = try await lab.importNodes(hall(1...2))
    let row = MusterV1.Node(name: "web1", interfaces: [.init(name: "eth0", mac: "52:54:00:00:00:01")])
    let report = try await lab.importNodes([row], options: .init(key: .mac), masks: [["interfaces.*"]])
    #expect(report.summary?.updated == 1)
    #expect(report.changes.first?.fields == [.init(field: "name", before: "r1n1", after: "web1")])
    #expect(try await lab.node("web1").interfaces.first?.address == "10.1.0.3")
  }

  @Test func theSerialFindsTheNode() async throws {
    let lab = try await OperatorLab().addHalls()
    var node = MusterV1.Node.sample("a", mac: "52:54:00:00:00:0a")
    node.serial = "7XK2"
    try await lab.add(node: node)
    let row = MusterV1.Node(serial: "7XK2", location: "h1/r1/u1")
    let report = try await lab.importNodes([row], options: .init(key: .serial))
    #expect(report.summary?.updated == 1)
    #expect(try await lab.node("a").location == "h1/r1/u1")
    let placeholder = try await lab.importNodes(
      [.init(serial: "To be filled by O.E.M.")], options: .init(key: .serial))
    #expect(placeholder.problems.map(\.field) == ["serial"])
  }

  @Test func aNodeOnTwoLinesIsReportedOnTheSecond() async throws {
    let lab = try await OperatorLab().addHalls()
    let report = try await lab.importNodes([
      .sample("a", mac: "52:54:00:00:00:0a"), .sample("a", mac: "52:54:00:00:00:0b"),
    ])
    #expect(report.lines == ["2 name a also on line 1"])
  }

  @Test func aRowCountsItsInterfacesLines() async throws {
    let lab = try await OperatorLab().addHalls()
    let node = MusterV1.Node(
      name: "a",
      interfaces: [
        .init(name: "eth0", mac: "52:54:00:00:00:0a", subnet: "hall1"), .init(name: "eth1", mac: "x", subnet: "stor1"),
      ])
    let report = try await lab.importRows([.init(node: node, lines: [7, 7, 8])], options: .init())
    #expect(report.problems.map(\.line) == [8])
  }

  @Test func theStreamHasToBeginWithItsOptions() async throws {
    let lab = try await OperatorLab().addHalls()
    let refused = await lab.refusal {
      try await lab.nodes.importNodes(
        requests: { try await $0.write(.init(message: .row(.init(node: .init(name: "a"))))) },
        onResponses: { responses in for try await _ in responses {} })
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.reason == "IMPORT_PROTOCOL")
  }

  @Test func anEmptyImportIsNoChange() async throws {
    let lab = try await OperatorLab().addHalls()
    let report = try await lab.importNodes([])
    #expect(report.summary?.applied == true)
    #expect(report.summary?.added == 0)
  }

  @Test func tooManyRowsAreRefusedAtTheBound() throws {
    var spool = ImportSpool()
    for _ in 0..<3 { try spool.append(.init(node: .sample("a", mac: "52:54:00:00:00:0a"), lines: [1])) }
    #expect(spool[2].node?.name == "a")
    #expect(spool.count == 3)
    #expect(spool.sizeBytes < 3 * 100)
  }
}
