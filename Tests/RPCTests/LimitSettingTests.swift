import HTTP2
import Testing

@testable import RPC

@Suite struct LimitSettingTests {
  @Test func everyDefaultIsWithinItsOwnRange() throws {
    for setting in LimitSetting.all {
      var limits = ServerLimits()
      try setting.set(setting.word(in: limits), in: &limits)
      #expect(limits == ServerLimits(), "\(setting.name)")
    }
    #expect(Set(LimitSetting.all.map(\.name)).count == LimitSetting.all.count)
  }

  /// A limit that nobody can set is a limit that an operator has to live with.
  @Test func everyLimitOfASessionCanBeSet() {
    let settable = LimitSetting.all.map(\.name)
    #expect(Mirror(reflecting: SessionLimits()).children.count == 21)
    #expect(settable.filter { LimitSetting.named($0)?.kind == .rate }.count == 14)
  }

  @Test(arguments: [
    ("pings", "7+3/s"), ("held_max", "96MiB"), ("stall", "off"), ("stall", "90s"), ("establishing", "1500ms"),
    ("streams_max", "3"), ("stream_window", "65535"),
  ])
  func wordsAreReadAsTheyAreWritten(_ name: String, _ word: String) throws {
    var limits = ServerLimits()
    let setting = try #require(LimitSetting.named(name))
    try setting.set(word, in: &limits)
    #expect(setting.word(in: limits) == word)
  }

  @Test(arguments: [
    ("pings", "7"), ("pings", "7+3"), ("pings", "+3/s"), ("pings", "0+3/s"), ("pings", "-1+3/s"), ("held_max", "96MB"),
    ("held_max", "1"), ("held_max", "99999999999GiB"), ("stall", "90"), ("stall", ""), ("stall", "0s"), ("establishing", "off"),
    ("streams_max", "many"), ("streams_max", "65537"), ("continuations_max", "9"),
  ])
  func wordsThatMakeNoSenseChangeNothing(_ name: String, _ word: String) throws {
    var limits = ServerLimits()
    let setting = try #require(LimitSetting.named(name))
    #expect(throws: LimitProblem.self) { try setting.set(word, in: &limits) }
    #expect(limits == ServerLimits())
  }

  @Test func closingReasonsHaveNamesOfTheirOwn() {
    #expect(Set(ClosingReason.all.map(\.name)).count == ClosingReason.all.count)
  }
}
