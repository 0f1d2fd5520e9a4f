import Provisioning
import Settings
import Testing

@testable import Pserv

/// What an operator may write, and what is said about the rest.
struct PservSettingsTests {
  private func problems(_ text: String, environment: [String: String] = [:], flags: [SettingKey: [String]] = [:]) -> [String] {
    do {
      _ = try settings(text, environment: environment, flags: flags)
      return []
    } catch let error as SettingsProblems {
      return error.problems.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  private func settings(
    _ text: String, environment: [String: String] = [:], flags: [SettingKey: [String]] = [:]
  ) throws -> PservSettings {
    let file = SettingsFile(name: "pserv.yaml", text: text, keys: PservSettings.keys)
    let resolver = SettingsResolver(flags: flags, environment: environment, file: file)
    return try PservSettings(resolver, hostName: "rack7.example", fileProblems: file.problems)
  }

  @Test func theFileOfTheManualIsTaken() throws {
    let settings = try settings(
      """
      name: rack1
      regions: ["region.example:7610"]
      token_file: /etc/muster/pserv.token
      tls: {ca: /etc/muster/ca.pem}
      state: /var/lib/muster/pserv
      interfaces: {eno2: default, eno3: lab}
      dhcp: {backend: kea, foreign_server: refuse, probe_timeout: 2s, memory_max: 1GiB}
      tftp: {listen: ":69", root: /var/lib/muster/pserv/tftp}
      http: {listen: ":7612"}
      boot: {root: /srv/muster/boot}
      health: {listen: 127.0.0.1:7613}
      """)
    #expect(settings.name == "rack1")
    #expect(settings.regions == [.tcp(host: "region.example", port: 7610)])
    #expect(settings.interfaces == ["eno2": .default, "eno3": "lab"])
    #expect(settings.probeTimeout == .seconds(2))
    #expect(settings.memoryMaxBytes == 1 << 30)
    #expect(settings.dhcpUser == "_kea")
    #expect(settings.tftpPort == 69)
    #expect(settings.httpPort == 7612)
    #expect(settings.mirrorPath == "/var/lib/muster/pserv/mirror.db")
  }

  @Test func theShortHostNameIsTheDefaultName() throws {
    #expect(try settings("interfaces: {eno2: default}").name == "rack7")
  }

  @Test func anUnknownKeyIsAnErrorWithASuggestion() {
    #expect(
      problems("interfaces: {eno2: default}\nregoins: [\"127.0.0.1:7610\"]")
        == ["pserv.yaml:2: regoins: unknown key. Did you mean 'regions'?"])
  }

  @Test func thereIsNoDefaultInterface() {
    #expect(problems("name: rack1").first?.contains("must name at least one interface") == true)
  }

  @Test func everythingWrongIsSaidAtOnce() {
    let problems = problems(
      """
      name: "-x"
      interfaces: {eno2: default, "this-name-is-too-long": default, eno4: "no such"}
      dhcp: {probe_timeout: soon, memory_max: 1KiB, backend: dnsmasq}
      tftp: {listen: "10.0.0.1:69"}
      state: var/lib
      """)
    for key in ["name", "interfaces", "dhcp.probe_timeout", "dhcp.memory_max", "dhcp.backend", "tftp.listen", "state"] {
      #expect(problems.contains { $0.contains(" \(key): ") }, "\(key)")
    }
  }

  @Test func aRegionOnAnotherMachineNeedsTLS() {
    #expect(
      problems("interfaces: {eno2: default}\nregions: [\"10.0.0.5:7610\"]")
        == ["pserv.yaml:2: regions: 10.0.0.5:7610 is another machine, which requires TLS. Set tls.ca to the certificates that sign the region's"])
  }

  @Test func flagsBeatTheEnvironmentAndThatTheFile() throws {
    let text = "interfaces: {eno2: default}\nstate: /a"
    #expect(try settings(text).state == "/a")
    #expect(try settings(text, environment: ["MUSTER_STATE": "/b"]).state == "/b")
    #expect(try settings(text, environment: ["MUSTER_STATE": "/b"], flags: [.state: ["/c"]]).state == "/c")
    #expect(
      try settings(text, environment: ["MUSTER_INTERFACES": "eno5=lab,eno6=default"]).interfaces
        == ["eno5": "lab", "eno6": .default])
  }

  @Test func theEffectiveValuesNameTheirSource() throws {
    let file = SettingsFile(name: "pserv.yaml", text: "interfaces: {eno2: default}", keys: PservSettings.keys)
    let resolver = SettingsResolver(flags: [:], environment: ["MUSTER_STATE": "/b"], file: file)
    let settings = try PservSettings(resolver, hostName: "rack7.example")
    let lines = resolver.effective(PservSettings.keys, computed: settings.computedDefaults)
      .map { $0.split(separator: " ").map(String.init) }
    #expect(lines.contains(["interfaces", "eno2=default", "pserv.yaml:1"]))
    #expect(lines.contains(["state", "/b", "MUSTER_STATE"]))
    #expect(lines.contains(["http.listen", ":7612", "default"]))
    #expect(lines.contains(["name", "rack7", "default"]))
    #expect(lines.contains(["tftp.root", "/b/tftp", "default"]))
  }
}
