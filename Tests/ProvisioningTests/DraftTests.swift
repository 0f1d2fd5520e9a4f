import Testing

@testable import Provisioning

@Suite struct DraftTests {
  private func codes(_ draft: NodeDraft) -> [String: ProblemCode] {
    do {
      _ = try draft.parse()
      return [:]
    } catch {
      return Dictionary(error.problems.map { ($0.field, $0.code) }) { first, _ in first }
    }
  }

  private func codes(_ draft: SubnetDraft) -> [String: ProblemCode] {
    do {
      _ = try draft.parse()
      return [:]
    } catch {
      return Dictionary(error.problems.map { ($0.field, $0.code) }) { first, _ in first }
    }
  }

  @Test func aGoodDraftParsesToWhatItSays() throws {
    let draft = NodeDraft(
      name: "R1N42",
      interfaces: [
        InterfaceDraft(name: "eth0", mac: "52-54-00-00-00-2A", subnet: "hall1", address: "10.1.0.42"),
        InterfaceDraft(mac: "52:54:00:00:01:2a", subnet: "stor1"), InterfaceDraft(mac: "52:54:00:00:02:2a"),
      ], bmcAddress: "10.9.0.42", tags: ["prod", "gpu", "prod"], serial: "7XK2", location: "h1/r1/u42")
    let spec = try draft.parse()
    #expect(spec.name == "r1n42")
    #expect(spec.tags == ["gpu", "prod"])
    #expect(spec.bootProfile == .local)
    #expect(spec.interfaces.map(\.name.text) == ["eth0", "eth1", "eth2"])
    #expect(spec.interfaces.map(\.address) == [.fixed("10.1.0.42"), .auto, .dynamic])
    #expect(spec.interfaces.map(\.boot) == [true, false, false])
    #expect(try NodeDraft(spec).parse() == spec)
  }

  @Test func everyBadFieldOfANodeIsNamed() {
    let draft = NodeDraft(
      name: "web_1",
      interfaces: [
        InterfaceDraft(name: "eth0", mac: "01:00:5e:00:00:01", subnet: "hall1", address: "10.1.0.300", boot: true),
        InterfaceDraft(name: "eth1", mac: "", subnet: "ha ll"),
        InterfaceDraft(name: "eth2", mac: "52:54:00:00:00:01", address: "10.1.0.1"),
      ], bmcAddress: "10.9.0.300", bmcMAC: "x", tags: ["a b", "ok"], serial: "a\"b", uuid: "7", location: "a\nb",
      bootProfile: "a/b", bootOnce: "..")
    let found = codes(draft)
    #expect(found["name"] == .nameInvalid)
    #expect(found["interfaces[0].mac"] == .macInvalid)
    #expect(found["interfaces[0].address"] == .addressInvalid)
    #expect(found["interfaces[1].mac"] == .required)
    #expect(found["interfaces[1].subnet"] == .nameInvalid)
    #expect(found["interfaces[2].address"] == .addressOutsideSubnet)
    #expect(found["bmc.address"] == .addressInvalid)
    #expect(found["bmc.mac"] == .macInvalid)
    #expect(found["tags[0]"] == .textInvalid)
    #expect(found["serial"] == .textInvalid)
    #expect(found["uuid"] == .identifierInvalid)
    #expect(found["location"] == .textInvalid)
    #expect(found["boot_profile"] == .nameInvalid)
    #expect(found["boot_once"] == .nameInvalid)
  }

  @Test func aProblemReadsLikeTheManualSays() {
    let draft = NodeDraft(name: "a", interfaces: [InterfaceDraft(mac: "52:54:00:0:00:11")])
    let error = #expect(throws: InvalidFields.self) { try draft.parse() }
    #expect(
      error?.problems[0].description
        == "interfaces[0].mac: 52:54:00:0:00:11 is not a MAC address. Write six pairs of hex digits.")
    let evil = FieldProblem(
      field: "name", value: "a\u{1b}[31m\n", code: .nameInvalid, message: "is bad", fix: "")
    #expect(evil.value == "a\\u{1b}[31m\\u{a}")
  }

  @Test func tooManyAreRefusedWithoutReadingThemAll() {
    let draft = NodeDraft(
      name: "a", interfaces: (0..<1000).map { InterfaceDraft(name: "e\($0)", mac: "52:54:00:00:00:01") },
      tags: (0..<1000).map { "t\($0)" })
    let found = codes(draft)
    #expect(found["interfaces"] == .tooMany)
    #expect(found["tags"] == .tooMany)
  }

  @Test func aGoodSubnetParsesToWhatItSays() throws {
    let draft = SubnetDraft(
      name: "hall1", prefix: "10.1.0.0/22", vlan: 101, gateway: "10.1.0.1", pools: ["10.1.3.0-10.1.3.99"],
      dnsServers: ["10.0.0.53"], domain: "DC1.example", leaseSeconds: 0, relays: ["10.1.0.1"],
      agents: ["rack2", "rack1"])
    let spec = try draft.parse()
    #expect(spec.fabric == .default)
    #expect(spec.domain == "dc1.example")
    #expect(spec.leaseSeconds == 3600)
    #expect(!spec.isDHCPOn)
    #expect(spec.agents == ["rack1", "rack2"])
    #expect(try SubnetDraft(spec).parse() == spec)
  }

  @Test func everyBadFieldOfASubnetIsNamed() {
    let base = SubnetDraft(name: "s", prefix: "10.1.0.0/24")
    func code(_ field: String, _ edit: (inout SubnetDraft) -> Void) -> ProblemCode? {
      var draft = base
      edit(&draft)
      return codes(draft)[field]
    }
    #expect(codes(base).isEmpty)
    #expect(code("prefix") { $0.prefix = "10.1.0.1/24" } == .prefixInvalid)
    #expect(code("prefix") { $0.prefix = "10.1.0.0/31" } == .prefixInvalid)
    #expect(code("prefix") { $0.prefix = "127.0.0.0/24" } == .prefixInvalid)
    #expect(code("prefix") { $0.prefix = "" } == .required)
    #expect(code("vlan") { $0.vlan = 4095 } == .numberOutOfRange)
    #expect(code("vlan") { $0.vlan = 70_000 } == .numberOutOfRange)
    #expect(code("gateway") { $0.gateway = "10.2.0.1" } == .addressOutsideSubnet)
    #expect(code("gateway") { $0.gateway = "10.1.0.255" } == .addressReserved)
    #expect(code("pools[0]") { $0.pools = ["10.2.0.5-10.2.0.9"] } == .poolOutside)
    #expect(code("pools[0]") { $0.pools = ["10.1.0.0-10.1.0.9"] } == .poolReserved)
    #expect(code("pools[0]") { ($0.gateway, $0.pools) = ("10.1.0.5", ["10.1.0.2-10.1.0.9"]) } == .poolReserved)
    #expect(code("pools[1]") { $0.pools = ["10.1.0.2-10.1.0.9", "10.1.0.9-10.1.0.20"] } == .poolOverlap)
    #expect(code("pools[0]") { $0.pools = ["10.1.0.9-10.1.0.2"] } == .poolInvalid)
    #expect(code("dns_servers[0]") { $0.dnsServers = ["dns"] } == .addressInvalid)
    #expect(code("domain") { $0.domain = "a..b" } == .nameInvalid)
    #expect(code("domain") { $0.domain = "a\"b" } == .nameInvalid)
    #expect(code("lease") { $0.leaseSeconds = 59 } == .numberOutOfRange)
    #expect(code("lease") { $0.leaseSeconds = .max } == .numberOutOfRange)
    #expect(code("relays[0]") { $0.relays = ["0.0.0.0"] } == .addressInvalid)
    #expect(code("agents[0]") { $0.agents = ["a b"] } == .nameInvalid)
  }

  /// What a problem says to write has to be taken then.
  @Test(arguments: [
    ("10.1.1.7/22", "write 10.1.0.0/22"), ("10.3.0.0/7", "give a prefix of /8 to /30"),
    ("10.0.0.1/31", "give a prefix of /8 to /30"), ("127.0.0.1/24", "choose another"),
    ("10.1.0.0", "write an address and a length, as in 10.1.0.0/22"),
  ])
  func theWayOutOfAWrongPrefixIsOne(prefix: String, fix: String) {
    let error = #expect(throws: InvalidFields.self) { try SubnetDraft(name: "s", prefix: prefix).parse() }
    #expect(error?.problems.map(\.fix) == [fix])
    #expect(error?.problems.map(\.value) == [prefix])
  }

  @Test func aProfileIsLocalOrAKernel() throws {
    #expect(try BootProfileDraft(name: "x").parse().kind == .local)
    let rescue = BootProfileDraft(
      name: "rescue", kernel: "rescue/vmlinuz", initrds: ["rescue/initrd"], arguments: "quiet")
    let spec = try rescue.parse()
    #expect(spec.kind.image?.initrds == ["rescue/initrd"])
    #expect(try BootProfileDraft(spec).parse() == spec)
    for bad in [
      BootProfileDraft(name: "x", kind: "local", kernel: "k"), BootProfileDraft(name: "x", kind: "kernel"),
      BootProfileDraft(name: "x", kind: "other"), BootProfileDraft(name: "x", kernel: "../k"),
      BootProfileDraft(name: "x", kernel: "k", arguments: "a\nb"), BootProfileDraft(name: "local", kernel: "k"),
      BootProfileDraft(name: "", kernel: "k"),
    ] {
      #expect(throws: InvalidFields.self) { try bad.parse() }
    }
  }
}

/// Whatever an operator sends is parsed or refused; it never stops the region.
@Suite struct HostileDraftTests {
  private static let pieces: [String] = [
    "", " ", "\0", "\n", "\"", "\\", "'", "..", "/", "-", ":", ".", "a", "Z", "0", "9", "255", "256", "10.1.0.0", "/22",
    "52:54:00:00:00:01", "auto", "dynamic", "4294967296", "99999999999999999999", "é", "\u{202e}", "\u{1f600}",
    "\u{feff}",
    String(repeating: "x", count: 300),
  ]

  private func text(_ random: inout Seeded) -> String {
    (0..<Int.random(in: 0...3, using: &random)).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func noTextStopsAParser(seed: UInt64) {
    var random = Seeded(state: seed)
    for _ in 0..<300 {
      let node = NodeDraft(
        name: text(&random),
        interfaces: (0..<Int.random(in: 0...3, using: &random)).map { _ in
          InterfaceDraft(
            name: text(&random), mac: text(&random), subnet: text(&random), address: text(&random),
            boot: Bool.random(using: &random))
        }, bmcAddress: text(&random), bmcMAC: text(&random), tags: [text(&random)], serial: text(&random),
        uuid: text(&random), location: text(&random), bootProfile: text(&random), bootOnce: text(&random))
      do { _ = try node.parse() } catch { #expect(!error.problems.isEmpty) }
      let subnet = SubnetDraft(
        name: text(&random), fabric: text(&random), prefix: text(&random),
        vlan: UInt32.random(in: .min ... .max, using: &random),
        gateway: text(&random), pools: [text(&random) + "-" + text(&random)], dnsServers: [text(&random)],
        domain: text(&random),
        ntpServers: [text(&random)], leaseSeconds: Int64.random(in: .min ... .max, using: &random),
        relays: [text(&random)],
        agents: [text(&random)])
      do { _ = try subnet.parse() } catch {
        for problem in error.problems {
          #expect(problem.value.unicodeScalars.allSatisfy { TextRule.isPrintable($0) })
        }
      }
      let profile = BootProfileDraft(
        name: text(&random), kind: text(&random), kernel: text(&random), initrds: [text(&random)],
        arguments: text(&random))
      do { _ = try profile.parse() } catch { #expect(!error.problems.isEmpty) }
    }
  }
}
