import RPC
import Testing
import Wire

@testable import OperatorCLI

@Suite struct CSVReading {
  @Test(arguments: [
    "name,mac\nn1,52:54:00:00:00:01\n", "name;mac\nn1;52:54:00:00:00:01\n", "name\tmac\nn1\t52:54:00:00:00:01",
    "\u{FEFF}name,mac\r\nn1,52:54:00:00:00:01\r\n", "name,mac\n\n\"n1\",\"52:54:00:00:00:01\"\n",
  ])
  func everyDialectReadsTheSame(_ text: String) throws {
    let table = try CSVTable(Array(text.utf8))
    #expect(table.header == ["name", "mac"])
    #expect(table.rows.map(\.cells) == [["n1", "52:54:00:00:00:01"]])
  }

  @Test func linesAreCountedAsAnEditorCountsThem() throws {
    let table = try CSVTable(Array("name,location\na,\"x\ny\"\n\nb,z\n".utf8))
    #expect(table.rows.map(\.line) == [2, 5])
    #expect(table.rows[0].cells[1] == "x\ny")
  }

  @Test(arguments: [
    ("name,mac\n\"n1,x\n", CSVTable.Failure.openQuote(line: 2)), ("", .empty), ("name,name\n", .duplicateColumn("name")),
  ])
  func whatIsNotCSVIsNamedWithItsLine(_ text: String, _ failure: CSVTable.Failure) {
    #expect(throws: failure) { try CSVTable(Array(text.utf8)) }
  }

  @Test func aBadRowIsNamedAndTheOthersAreRead() throws {
    let table = try CSVTable(Array("name,mac\nn1\nn2,m2\n\"n3\"x,m3\nn4,m4,y\nn5,m5\n".utf8))
    #expect(table.rows.map(\.cells) == [["n2", "m2"], ["n5", "m5"]])
    #expect(
      table.problems.map(\.failure) == [
        .cells(line: 2, expected: 2, found: 1), .textAfterQuote(line: 4), .cells(line: 5, expected: 2, found: 3),
      ])
    let rows = try NodeRows(csv: table, path: "x.csv")
    #expect(rows.problems.map(\.line) == [2, 4, 5])
    #expect(rows.problems.first?.message == "has 1 cells where the header has 2")
  }

  @Test func notUTF8IsRefused() {
    #expect(throws: CSVTable.Failure.notUTF8) { try CSVTable([0x6E, 0xFF, 0x0A]) }
  }
}

@Suite struct NodeRowsReading {
  @Test func rowsOfOneNameFormOneNode() throws {
    let text = """
      name,interface,mac,subnet,address,boot,tags,serial
      r1n42,eth0,52:54:00:00:00:2a,hall1,10.1.0.42,yes,gpu prod,7XK2
      r1n42,eth1,52:54:00:00:01:2a,stor1,auto,,,
      """
    let rows = try NodeRows(csv: CSVTable(Array(text.utf8)), path: "x.csv")
    #expect(rows.problems.isEmpty)
    let row = try #require(rows.rows.first)
    #expect(rows.rows.count == 1)
    #expect(row.node?.interfaces.map(\.name) == ["eth0", "eth1"])
    #expect(row.node?.tags == ["gpu", "prod"])
    #expect(row.mask?.paths == ["tags", "serial", "interfaces.*"])
    #expect(row.lines == [2, 2, 3])
  }

  @Test func anEmptyCellLeavesAndADashClears() throws {
    let rows = try NodeRows(csv: CSVTable(Array("name,serial,location\nn1,,-\n".utf8)), path: "x.csv")
    #expect(rows.rows[0].mask?.paths == ["location"])
    #expect(rows.rows[0].node?.location == "")
  }

  @Test func anUnknownColumnIsRefusedWithASuggestion() {
    let failure = #expect(throws: CommandFailure.self) {
      try NodeRows(csv: CSVTable(Array("name,serail\n".utf8)), path: "x.csv")
    }
    #expect(failure?.message == "x.csv: unknown column 'serail'; did you mean 'serial'?")
    #expect(failure?.status == .invalidData)
  }

  @Test func whatExportPrintsImportReads() throws {
    var interface = MusterV1.NetworkInterface()
    interface.name = "eth0"
    interface.mac = "52:54:00:00:00:2a"
    interface.subnet = "hall1"
    interface.address = "10.1.0.42"
    interface.boot = true
    var bmc = MusterV1.Bmc()
    bmc.address = "10.9.0.42"
    var node = MusterV1.Node()
    node.name = "r1n42"
    node.uid = "0190"
    node.revision = 7
    node.tags = ["gpu"]
    node.interfaces = [interface]
    node.bmc = bmc
    node.location = "h1/r1 \"u42\"\\"
    let rows = NodeRows(jsonLines: Array((node.json.text + "\n").utf8))
    #expect(rows.problems.isEmpty)
    var expected = node
    expected.uid = ""
    expected.revision = 0
    #expect(rows.rows.first?.node == expected)
  }

  @Test func aBadLineIsReportedAndTheOthersAreRead() {
    let rows = NodeRows(jsonLines: Array("{\"name\":\"a\"}\n{oops\n{\"name\":\"b\",\"colour\":1}\n{\"name\":\"c\"}\n".utf8))
    #expect(rows.rows.map { $0.node?.name } == ["a", "c"])
    #expect(rows.problems.map(\.line) == [2, 3])
    #expect(rows.problems[1].field == "colour")
  }
}

@Suite struct CommandLines {
  private func run(_ arguments: String...) async -> (status: CommandStatus, output: String, errors: String) {
    let capture = Capture()
    let status = await MusterCommand.main(arguments: arguments, in: capture.surroundings)
    return (status, capture.output, capture.errors)
  }

  @Test func helpSucceedsOnStdout() async {
    let result = await run("--help")
    #expect(result.status == .success)
    #expect(result.output.contains("USAGE: muster"))
    #expect(result.errors.isEmpty)
  }

  @Test(arguments: [["nodes"], ["node", "list", "--colour"], ["node", "wait", "n1"], ["node", "list", "--state", "odd"]])
  func aWrongCommandLineIsStatusTwo(_ arguments: [String]) async {
    let capture = Capture()
    let status = await MusterCommand.main(arguments: arguments, in: capture.surroundings)
    #expect(status == .usage)
    #expect(capture.output.isEmpty)
    #expect(capture.errors.hasPrefix("error: "))
  }

  @Test func removingWithoutATerminalNeedsYes() async {
    let result = await run("node", "remove", "n1")
    #expect(result.status == .usage)
    #expect(result.errors.contains("--yes"))
  }

  @Test func anUpdateOfNothingSaysWhatToGive() async {
    let result = await run("subnet", "update", "hall1")
    #expect(result.status == .usage)
    #expect(result.errors.contains("nothing to change"))
  }

  @Test func aRegionThatIsNotThereIsStatusSix() async {
    let result = await run("node", "list")
    #expect(result.status == .unreachable)
    #expect(result.errors.hasPrefix("error: cannot reach region 127.0.0.1:7610"))
  }

  @Test func errorsAreObjectsWhenJSONIsAskedFor() async {
    let result = await run("node", "list", "--output", "json")
    #expect(result.status == .unreachable)
    #expect(result.errors.hasPrefix("{\"error\":{\"code\":"))
  }
}
