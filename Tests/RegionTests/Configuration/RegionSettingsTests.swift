import HTTP2
import Provisioning
import RPC
import Settings
import Testing

@testable import Region

@Suite struct RegionSettingsTests {
  private func settings(
    file: String? = nil, environment: [String: String] = [:], flags: [SettingKey: [String]] = [:]
  ) throws -> RegionSettings {
    let file = file.map { SettingsFile(name: "region.yaml", text: $0, keys: RegionSettings.keys) }
    let resolver = SettingsResolver(flags: flags, environment: environment, file: file)
    return try RegionSettings(resolver, fileProblems: file?.problems ?? [])
  }

  private func problems(
    file: String, environment: [String: String] = [:], flags: [SettingKey: [String]] = [:]
  ) -> [String] {
    do {
      _ = try settings(file: file, environment: environment, flags: flags)
      return []
    } catch let error as SettingsProblems {
      return error.problems.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  @Test func theDefaultsAreASafeRegion() throws {
    let settings = try settings()
    #expect(settings.listen == [.tcp(host: "127.0.0.1", port: 7610)])
    #expect(settings.limits == ServerLimits())
    #expect(settings.agentOfflineAfter == .seconds(15))
    #expect(settings.eventsKeep == .seconds(7 * 86_400))
    #expect(settings.tls == nil)
  }

  @Test func aFlagBeatsTheEnvironmentBeatsTheFileBeatsTheDefault() throws {
    let file = "store: {path: /file}\nlog: {level: debug}\n"
    #expect(try settings(file: file).storePath == "/file")
    #expect(try settings(file: file, environment: ["MUSTER_STORE_PATH": "/env"]).storePath == "/env")
    let all = try settings(
      file: file, environment: ["MUSTER_STORE_PATH": "/env"], flags: [.storePath: ["/flag"]])
    #expect(all.storePath == "/flag")
    #expect(all.logLevel == "debug")
  }

  @Test func eachEffectiveValueIsShownWithItsSource() {
    let file = SettingsFile(name: "region.yaml", text: "log:\n  level: debug\n", keys: RegionSettings.keys)
    let resolver = SettingsResolver(
      flags: [.listen: ["127.0.0.1:1"]], environment: ["MUSTER_EVENTS_KEEP": "1d"], file: file)
    let lines = resolver.effective(RegionSettings.keys).map { $0.split(separator: " ").map(String.init) }
    #expect(lines.contains(["listen", "127.0.0.1:1", "--listen"]))
    #expect(lines.contains(["events.keep", "1d", "MUSTER_EVENTS_KEEP"]))
    #expect(lines.contains(["log.level", "debug", "region.yaml:2"]))
    #expect(lines.contains(["tls.key", "-", "default"]))
    #expect(lines.count == RegionSettings.keys.count)
  }

  @Test func anUnknownKeyNamesItsLineAndTheLikelyOne() {
    #expect(
      problems(file: "listen: 127.0.0.1:1\nlisten_on: x\nlogs: {level: info}\n") == [
        "region.yaml:2: listen_on: unknown key. Did you mean 'listen'?",
        "region.yaml:3: logs: unknown key. Did you mean 'log'?",
      ])
    #expect(problems(file: "colour: x\n").first?.hasPrefix("region.yaml:1: colour: unknown key. Known are: ") == true)
    #expect(
      problems(file: "store:\n  pth: /x\n") == ["region.yaml:2: store.pth: unknown key. Did you mean 'store.path'?"])
  }

  @Test func aWrongTypeNamesKeyAndLine() {
    #expect(
      problems(file: "agents:\n  lease: fast\nlimits:\n  connections_max: many\n") == [
        "region.yaml:2: agents.lease: 'fast' is not a duration. Write a number and ms, s, m, h or d, for example 10s",
        "region.yaml:4: limits.connections_max: 'many' is not a whole number. Write digits only, for example 20000",
      ])
    #expect(problems(file: "store: /x\n") == ["region.yaml:1: store: must hold keys, not a single value or a list"])
    #expect(problems(file: "log: {level: [a, b]}\n") == ["region.yaml:1: log.level: takes one value, not a list"])
    #expect(problems(file: "listen: {a: 1}\n") == ["region.yaml:1: listen: takes a value, not keys"])
  }

  @Test func everyLimitOfTheServerCanBeSetAndIsShown() throws {
    let limits = try settings(
      file: "limits: {resets_received: 20+5/s, stall: off, held_max: 1GiB, keepalive_interval: 30s, streams_max: 7}\n",
      environment: ["MUSTER_LIMITS_PINGS": "9+1/s"]
    ).limits
    #expect(limits.connection.limits.resetsReceived == RateLimit(burst: 20, perSecond: 5))
    #expect(limits.connection.limits.pings == RateLimit(burst: 9, perSecond: 1))
    #expect(limits.connection.limits.concurrentStreamsMax == 7)
    #expect(limits.stallTimeout == nil)
    #expect(limits.heldBytesMax == 1 << 30)
    #expect(limits.keepaliveInterval == .seconds(30))
    let shown = SettingsResolver(flags: [:], environment: [:], file: nil).effective(RegionSettings.keys)
    for limit in LimitSetting.all {
      #expect(shown.contains { $0.hasPrefix("limits.\(limit.name) ") }, "\(limit.name)")
    }
  }

  @Test func aLimitThatMakesNoSenseIsRefused() {
    #expect(
      problems(file: "limits: {pings: 10, streams_max: 0, stall: never}\n").sorted() == [
        "region.yaml:1: limits.pings: '10' is not a rate. Write BURST+RATE/s, for example 1000+100/s",
        "region.yaml:1: limits.stall: 'never' is not a duration. Write a number and ms, s, m, h or d, for example 10s",
        "region.yaml:1: limits.streams_max: 0 is out of range. Use 1 to 65536",
      ])
    #expect(problems(file: "limits: {ping: 1+1/s}\n") == ["region.yaml:1: limits.ping: unknown key. Did you mean 'limits.pings'?"])
  }

  @Test func everyProblemIsReportedAtOnce() {
    let found = problems(
      file: "lisen: x\nlog: {level: loud}\n", environment: ["MUSTER_LIMITS_MESSAGE_MAX": "big"],
      flags: [.eventsKeep: ["soon"]])
    #expect(found.count == 4)
    #expect(found.contains { $0.hasPrefix("MUSTER_LIMITS_MESSAGE_MAX: ") })
    #expect(found.contains { $0.hasPrefix("--events-keep: ") })
  }

  @Test func brokenYAMLNamesItsLine() {
    let found = problems(file: "listen: [a\nstore: {path: x}\n")
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("region.yaml:"))
    #expect(problems(file: "listen: a:1\nlisten: b:1\n").first?.contains("given twice") == true)
  }

  @Test func anAliasOrABillionLaughsIsRefused() {
    #expect(!problems(file: "log: &l {level: info}\nstore: *l\n").isEmpty)
  }

  @Test func listenTakesAListOfHostsAndSockets() throws {
    let settings = try settings(file: "listen: ['127.0.0.1:7610', 'unix:/run/muster.sock', '[::1]:1']\n")
    #expect(
      settings.listen == [
        .tcp(host: "127.0.0.1", port: 7610), .unix(path: "/run/muster.sock"), .tcp(host: "::1", port: 1),
      ])
    let fromEnvironment = try self.settings(environment: ["MUSTER_LISTEN": "127.0.0.1:1,unix:/s"])
    #expect(fromEnvironment.listen.count == 2)
  }

  @Test(arguments: ["0.0.0.0:7610", ":7610", "10.0.0.1:7610", "region.example:7610", "[::]:7610"])
  func cleartextBeyondLoopbackIsRefused(address: String) {
    let found = problems(file: "listen: '\(address)'\n")
    #expect(found.count == 1)
    #expect(found.first?.contains("requires TLS and tokens") == true)
    #expect(
      problems(file: "listen: '\(address)'\ntls: {certificate: /c, key: /k}\nauth: {tokens_file: /t}\n") == [])
    #expect(problems(file: "listen: '\(address)'\ntls: {certificate: /c, key: /k}\n").count == 1)
  }

  @Test func halfOfATLSPairIsRefused() {
    #expect(problems(file: "tls: {certificate: /c}\n").first?.contains("tls.key") == true)
    #expect(problems(file: "tls: {key: /c}\n").first?.contains("tls.certificate") == true)
  }
}
