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

  /// A NUL would end the text on its way, and what is left would be taken for what was meant.
  @Test func aRowWithANULIsNamedWithItsColumn() throws {
    let table = try CSVTable(Array("name,location\nn1,a\u{0}b\nn2,c\n".utf8))
    #expect(table.rows.map(\.cells) == [["n2", "c"]])
    let rows = try NodeRows(csv: table, path: "x.csv")
    #expect(rows.rows.map { $0.node?.name } == ["n2"])
    #expect(
      rows.problems == [
        .init(
          field: "location", code: "ROW_MALFORMED", message: "contains the unprintable character U+0000",
          fix: "remove that character", line: 2)
      ])
  }

  @Test func notUTF8IsRefused() {
    #expect(throws: CSVTable.Failure.notUTF8(line: 1)) { try CSVTable([0x6E, 0xFF, 0x0A]) }
    #expect(throws: CSVTable.Failure.notUTF8(line: 3)) { try CSVTable(Array("name\nc\u{e4}\n".utf8) + [0x61, 0xC3, 0x0A, 0x62]) }
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

  @Test func linesOfANodeThatContradictEachOtherAreRefused() throws {
    let text = """
      name,interface,mac,subnet,address,boot,serial
      n1,eth0,52:54:00:00:00:01,hall1,auto,yes,A
      n2,eth0,52:54:00:00:00:02,hall1,auto,yes,B
      n1,eth1,52:54:00:00:01:01,hall1,auto,,A
      n1,eth1,52:54:00:00:02:01,hall1,auto,,
      n1,eth2,52:54:00:00:03:01,hall1,auto,yes,C
      """
    let rows = try NodeRows(csv: CSVTable(Array(text.utf8)), path: "x.csv")
    #expect(
      rows.problems == [
        .init(
          field: "interface", value: "eth1", code: "DUPLICATE", message: "also on line 4",
          fix: "write each interface of a node once", line: 5),
        .init(
          field: "serial", value: "C", code: "DUPLICATE", message: "another than on line 2",
          fix: "write one value for each node", line: 6),
        .init(
          field: "boot", value: "yes", code: "DUPLICATE", message: "also on line 2",
          fix: "boot a node from one interface", line: 6),
      ])
    #expect(rows.badRows == [0])
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
    #expect(rows.lineCount == 4)
  }

  @Test(arguments: [
    (#"{"name":"a","name":"b"}"#, "name", "stands twice; write each field once"),
    (#"{"name":"a","na\u006de":"b"}"#, "name", "stands twice; write each field once"),
    (#"{"bmc":{"mac":"","mac":""}}"#, "bmc.mac", "stands twice; write each field once"),
    (#"{"interfaces":[{"boot":true},{"boot":true,"boot":false}]}"#, "interfaces[1].boot", "stands twice; write each field once"),
    (#"{"location":"a\u0000b"}"#, "location", "contains the unprintable character U+0000; remove that character"),
    (#"{"tags":["a","\u0000"]}"#, "tags[1]", "contains the unprintable character U+0000; remove that character"),
    (#"{"tags":"gpu"}"#, "tags", "is not a list of texts; write a list of texts"),
    (#"{"interfaces":[{"boot":1}]}"#, "interfaces[0].boot", "is not true or false; write true or false"),
    (#"{"interfaces":[1]}"#, "interfaces", "is not a list of objects; write a list of objects"),
    (#"["a"]"#, "", "not a JSON object; write one object a line"),
    (#"{"name":"a"} x"#, "", "not JSON, from octet 14 on; write one object a line"),
  ])
  func aLineIsRefusedWithItsField(line: String, field: String, words: String) {
    let rows = NodeRows(jsonLines: Array(line.utf8))
    #expect(rows.rows.isEmpty)
    #expect(rows.problems.map(\.field) == [field])
    #expect(rows.problems.map { "\($0.message); \($0.fix)" } == [words])
  }

  /// `--keep-going` must not apply a row with a cell that nobody understood.
  @Test func aRowWithACellThatIsNoneIsMarked() throws {
    let rows = try NodeRows(csv: CSVTable(Array("name,mac,boot\nn1,m1,yes\nn2,m2,maybe\n".utf8)), path: "x.csv")
    #expect(rows.rows.count == 2)
    #expect(rows.badRows == [1])
  }

  @Test(arguments: [
    ("nodes.csv", "name,mac\n", ImportFormat.csv), ("nodes.csv", " {\"name\":\"a\"}\n", .jsonl), ("-", "{", .jsonl),
    ("-", "name", .csv), ("nodes.jsonl", "", .jsonl), ("nodes.txt", "", .csv),
  ])
  func aFileIsReadForWhatItIs(name: String, content: String, format: ImportFormat) {
    #expect(ImportFile.format(named: nil, file: name, Array(content.utf8)) == format)
    #expect(ImportFile.format(named: .csv, file: name, Array(content.utf8)) == .csv)
  }
}

@Suite struct SubnetRowsReading {
  @Test func whatExportPrintsImportReads() throws {
    var subnet = MusterV1.Subnet()
    subnet.name = "hall1"
    subnet.prefix = "10.1.0.0/22"
    subnet.vlan = 101
    subnet.pools = ["10.1.3.0-10.1.3.99"]
    subnet.lease = .init(seconds: 3600)
    let rows = SubnetRows(jsonLines: Array(subnet.json.text.utf8))
    #expect(rows.problems.isEmpty)
    #expect(rows.rows.first?.subnet == subnet)
  }

  @Test func allBadRowsAreNamed() throws {
    let text = """
      name,prefix,vlan,lease,dhcp
      hall1,10.1.0.0/22,,,
      hall2,10.2.0.0/22,-1,,
      hall3,10.3.0.0/22,,soon,
      hall4,10.4.0.0/22,,,perhaps
      hall1,10.5.0.0/22,,,
      """
    let rows = try SubnetRows(csv: Array(text.utf8), path: "x.csv")
    // Those with a bad cell stay, for the region to look at their other cells.
    #expect(rows.rows.map(\.subnet.name) == ["hall1", "hall2", "hall3", "hall4"])
    #expect(rows.problems.map(\.line) == [3, 4, 5, 6])
    #expect(rows.problems.map(\.field) == ["vlan", "lease", "dhcp", "name"])
    #expect(rows.lineCount == 5)
  }

  @Test func allBadCellsOfARowAreNamed() throws {
    let text = "name,prefix,vlan,lease,dhcp,gateway\nhall1,10.1.0.0/22,x,soon,perhaps,10.1.0.1\n"
    let rows = try SubnetRows(csv: Array(text.utf8), path: "x.csv")
    #expect(rows.problems.map(\.field) == ["vlan", "lease", "dhcp"])
    #expect(rows.problems.allSatisfy { $0.line == 2 })
    #expect(rows.rows.first?.paths == ["prefix", "gateway"])
    #expect(rows.rows.first?.subnet.gateway == "10.1.0.1")
  }

  @Test(arguments: [#"{"vlan":-1}"#, #"{"lease":"soon"}"#, #"{"lease":"1500ms"}"#, #"{"vlan":1.5}"#])
  func aValueThatIsNoneIsNotDropped(line: String) {
    let rows = SubnetRows(jsonLines: Array(line.utf8))
    #expect(rows.rows.isEmpty)
    #expect(rows.problems.count == 1)
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

@Suite struct SubnetRowsTests {
  @Test func subnetsOfAFileThatOverlapAreRefused() throws {
    let text = """
      name,fabric,prefix
      a,,10.60.0.0/24
      b,,10.60.0.128/25
      c,lab,10.60.0.0/24
      d,default,10.60.0.0/16
      e,,10.61.0.0/16
      f,,10.60.0.0/33
      """
    var rows = try SubnetRows(csv: Array(text.utf8), path: "x.csv")
    rows.refuseOverlaps(besides: [])
    #expect(rows.problems.map(\.line) == [3, 5])
    #expect(rows.problems.first?.message == "overlaps a (10.60.0.0/24) on line 2")
    // Two within a third, which comes before, between and after them.
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0]] {
      let lines = ["w,,10.7.0.0/16", "x,,10.7.1.0/24", "y,,10.7.2.0/24"]
      let nested = "name,fabric,prefix\n" + order.map { lines[$0] + "\n" }.joined()
      rows = try SubnetRows(csv: Array(nested.utf8), path: "x.csv")
      rows.refuseOverlaps(besides: [])
      #expect(rows.problems.map(\.line) == (order[0] == 0 ? [3, 4] : [UInt32(order.firstIndex(of: 0)! + 2)]))
    }
    // Those that exist may be in another fabric than the file says nothing of.
    rows = try SubnetRows(csv: Array(text.utf8), path: "x.csv")
    rows.refuseOverlaps(besides: ["a", "b"])
    #expect(rows.problems.isEmpty)
  }
}

@Suite struct PrintableTests {
  @Test func controlCharactersOfFilesDoNotReachTheTerminal() {
    #expect(Printable.text("a\u{1b}[31mb\u{9b}c\u{7f}\r") == "a\\u{1b}[31mb\\u{9b}c\\u{7f}\\u{d}")
    #expect(Printable.text("zwei\n\tZeilen, ä") == "zwei\n\tZeilen, ä")
    #expect(Table.Cell("x\u{1b}y").text == "x\\u{1b}y")
  }
}
