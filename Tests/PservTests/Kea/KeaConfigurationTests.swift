import Foundation
import Provisioning
import Testing

@testable import Pserv

struct JSONWriterTests {
  @Test func noTextEndsItsString() throws {
    var random = SeededRandom(seed: 3)
    let alphabet = Array("\"\\/{}[]:,\n\r\t\u{0}\u{7f}\u{1b}aé€😀' ")
    for _ in 0..<500 {
      let text = String((0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
      var writer = JSONWriter()
      writer.object { $0.member("text", text) }
      let read = try JSONDecoder().decode([String: String].self, from: Data(writer.bytes))
      #expect(read == ["text": text])
    }
  }

  @Test func membersAndElementsAreSeparated() {
    var writer = JSONWriter()
    writer.object {
      $0.array("empty") { _ in }
      $0.array("list") {
        $0.integer(1)
        $0.object { _ in }
        $0.string("a")
        $0.boolean(false)
      }
      $0.member("last", 2)
    }
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"empty":[],"list":[1,{},"a",false],"last":2}"#)
  }
}

struct KeaConfigurationTests {
  private func object(_ configuration: KeaConfiguration) throws -> [String: Any] {
    let top = try JSONSerialization.jsonObject(with: Data(configuration.bytes)) as? [String: Any]
    return try #require(top?["Dhcp4"] as? [String: Any])
  }

  @Test func theSameStateIsTheSameBytes() {
    var random = SeededRandom(seed: 11)
    let state = TestStates.random(&random)
    let settings = KeaSettings.inDirectory("/x")
    #expect(KeaConfiguration(state, settings: settings).bytes == KeaConfiguration(state, settings: settings).bytes)
  }

  @Test func aFileVouchesForItselfAndOneChangedByHandDoesNot() {
    let configuration = KeaConfiguration(TestStates.hall1(nodes: 2), settings: .inDirectory("/x"))
    #expect(KeaConfiguration.fingerprint(ofFile: configuration.bytes) == configuration.fingerprint)
    for index in stride(from: 0, to: configuration.bytes.count, by: 97) {
      var changed = configuration.bytes
      changed[index] ^= 1
      #expect(KeaConfiguration.fingerprint(ofFile: changed) == nil)
    }
    #expect(KeaConfiguration.fingerprint(ofFile: Array("{ \"Dhcp4\": {} }".utf8)) == nil)
  }

  @Test func everyChangeOfTheStateChangesTheFingerprint() {
    let settings = KeaSettings.inDirectory("/x")
    let state = TestStates.hall1(nodes: 2)
    var pool = state
    pool[DHCPSubnetID(number: 1)]?.header.pool = []
    var off = state
    off[DHCPSubnetID(number: 1)]?.answersDHCP = false
    let prints = [state, pool, off, TestStates.hall1(nodes: 3)].map {
      KeaConfiguration($0, settings: settings).fingerprint
    }
    #expect(Set(prints).count == prints.count)
  }

  @Test func aSubnetThatDoesNotAnswerIsNotWritten() throws {
    var state = TestStates.hall1(nodes: 2)
    state[DHCPSubnetID(number: 1)]?.answersDHCP = false
    let dhcp = try object(KeaConfiguration(state, settings: .inDirectory("/x")))
    #expect((dhcp["subnet4"] as? [Any])?.isEmpty == true)
    #expect((dhcp["interfaces-config"] as? [String: Any])?["interfaces"] as? [String] == [])
  }

  @Test func severalSubnetsOfOneLinkAreLookedThroughTogether() throws {
    let state = RackState(subnets: [
      TestStates.subnet(4, prefix: "10.1.0.0/24", pool: [], bindings: []),
      TestStates.subnet(9, prefix: "10.2.0.0/24", pool: [], bindings: []),
    ])
    let dhcp = try object(KeaConfiguration(state, settings: .inDirectory("/x")))
    let networks = try #require(dhcp["shared-networks"] as? [[String: Any]])
    #expect(networks.count == 1)
    #expect((networks.first?["subnet4"] as? [[String: Any]])?.map { $0["id"] as? Int } == [4, 9])
    #expect((dhcp["interfaces-config"] as? [String: Any])?["interfaces"] as? [String] == ["eno2/10.1.0.1"])
  }

  @Test func aReservationHoldsWhatTheBindingSays() throws {
    let state = TestStates.hall1([TestStates.binding(1, address: "10.1.0.10"), TestStates.binding(2, address: nil)])
    let dhcp = try object(KeaConfiguration(state, settings: .inDirectory("/x")))
    let subnet = try #require((dhcp["subnet4"] as? [[String: Any]])?.first)
    let reservations = try #require(subnet["reservations"] as? [[String: String]])
    #expect(
      reservations == [
        ["hw-address": "52:54:00:00:00:01", "ip-address": "10.1.0.10", "hostname": "h1n1"],
        ["hw-address": "52:54:00:00:00:02", "hostname": "h1n2"],
      ])
  }

  @Test func unusablePathsAreRefusedBeforeAnythingIsWritten() {
    #expect(KeaSettings().problem == nil)
    #expect(KeaSettings.inDirectory("/run/" + String(repeating: "x", count: 100)).problem?.contains("107") == true)
    #expect(KeaSettings.inDirectory("relative").problem?.contains("absolute") == true)
    var settings = KeaSettings.inDirectory("/x")
    settings.configuration = "/x/other.conf"
    #expect(settings.problem != nil)
  }
}
