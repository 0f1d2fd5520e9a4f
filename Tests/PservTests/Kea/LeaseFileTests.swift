import Glibc
import Provisioning
import Testing

@testable import Pserv

final class LeaseFileTests {
  private let directory: String

  init() throws {
    var template = Array("/tmp/mpt-leases-XXXXXX\0".utf8CString)
    directory = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    for name in ["", ".1", ".2"] { unlink(path + name) }
    rmdir(directory)
  }

  private var path: String { directory + "/leases.csv" }

  private func write(_ lines: String..., to path: String? = nil) {
    let file = fopen(path ?? self.path, "a")
    for line in lines { fputs(line, file) }
    fclose(file)
  }

  private let header = LeaseRow.header + ",user_context,pool_id\n"

  private func row(_ last: Int, _ mac: Int, lifetime: Int = 3600, expire: Int = 2_000_000_000, state: Int = 0) -> String {
    "10.1.0.\(last),\(TestStates.mac(mac)),,\(lifetime),\(expire),1,0,0,h\(mac),\(state),\n"
  }

  @Test func aLeaseIsToldOnceAndAgainWhenItChanges() throws {
    var file = LeaseFile(path: path)
    var told: [LeaseObservation] = []
    try file.advance { told.append($0) }
    #expect(told.isEmpty, "no file is no error")
    write(header, row(10, 1))
    try file.advance { told.append($0) }
    #expect(told.map(\.address) == ["10.1.0.10"])
    try file.advance { told.append($0) }
    #expect(told.count == 1)
    write(row(10, 1))
    try file.advance { told.append($0) }
    #expect(told.count == 1, "the same again is no news")
    write(row(10, 1, expire: 2_000_000_600), row(11, 2), row(10, 1, lifetime: 0))
    try file.advance { told.append($0) }
    #expect(told.dropFirst().map(\.until?.nanoseconds) == [2_000_000_600_000_000_000, 2_000_000_000_000_000_000, nil])
    #expect(file.table.holder(of: "10.1.0.11", at: Timestamp(seconds: 1))?.mac == TestStates.mac(2))
    #expect(file.table.holder(of: "10.1.0.10", at: Timestamp(seconds: 1)) == nil)
    #expect(file.table.holder(of: "10.1.0.11", at: Timestamp(seconds: 2_000_000_001)) == nil)
  }

  @Test func aHalfWrittenLineWaitsForItsEnd() throws {
    var file = LeaseFile(path: path)
    var told: [LeaseObservation] = []
    let line = row(10, 1)
    write(header, String(line.prefix(20)))
    try file.advance { told.append($0) }
    #expect(told.isEmpty)
    write(String(line.dropFirst(20)))
    try file.advance { told.append($0) }
    #expect(told.count == 1)
  }

  @Test func theCleanUpLosesNothing() throws {
    var file = LeaseFile(path: path)
    var told: [LeaseObservation] = []
    write(header, row(10, 1))
    try file.advance { told.append($0) }
    write(row(11, 2))
    rename(path, path + ".1")
    write(header, row(12, 3))
    try file.advance { told.append($0) }
    try file.advance { told.append($0) }
    #expect(told.map(\.address) == ["10.1.0.10", "10.1.0.11", "10.1.0.12"])
  }

  @Test func theFirstLookCountsWhatWasPutAsideAndTellsOnlyWhatIsHeld() throws {
    write(header, row(10, 1), row(11, 2), to: path + ".2")
    write(header, row(10, 1, lifetime: 0), to: path + ".1")
    write(header, row(12, 3, state: 1), row(13, 4), row(13, 5))
    var file = LeaseFile(path: path)
    var told: [LeaseObservation] = []
    try file.advance { told.append($0) }
    #expect(told.map(\.address) == ["10.1.0.11", "10.1.0.13"])
    #expect(told.last?.mac == TestStates.mac(5))
  }

  @Test func linesThatAreNoLeasesAreLeftOut() {
    for line in ["", "a,b", "10.1.0.1,,,3600,1,1,0,0,,0,", "10.1.0.1,52:54:00:00:00:01,,x,1,1,0,0,,0,"] {
      #expect(LeaseRow(line: Array(line.utf8)[...]) == nil)
    }
  }
}

struct KeaReplyTests {
  @Test func answersAreReadAndMangledOnesRefused() throws {
    let reply = try KeaReply(
      parsing: Array(#"{ "arguments": { "server-tag": "abc" }, "result": 0, "text": "a\nb" }"#.utf8), to: "x")
    #expect(reply.result == .success)
    #expect(reply.serverTag == "abc")
    #expect(reply.text == "a b")
    for text in ["", "{", "[]", #"{"result":"0"}"#, #"{"result":99}"#] {
      #expect(throws: KeaControlError.malformed("x")) { try KeaReply(parsing: Array(text.utf8), to: "x") }
    }
  }

  @Test func anEmptyResultIsNoError() throws {
    try KeaReply(parsing: Array(#"{"result":3,"text":"IPv4 lease not found."}"#.utf8), to: "x").orThrow("lease4-del")
    #expect(throws: KeaControlError.refused("x", "no")) {
      try KeaReply(parsing: Array(#"{"result":1,"text":"no"}"#.utf8), to: "x").orThrow("x")
    }
  }
}
