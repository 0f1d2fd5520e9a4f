import Provisioning
import Testing

@testable import Region

@Suite struct NodeFieldChangeTests {
  static let before = NodeSpec(
    name: "r1n2",
    interfaces: [
      .init(name: "eth0", mac: "52:54:00:00:00:0c", subnet: "hall1", address: .fixed("10.1.0.12"), boot: true)
    ], tags: ["gpu"])

  private func lines(_ change: (inout NodeSpec) -> Void) -> [String] {
    var after = Self.before
    change(&after)
    return Self.before.changes(to: after).map { "\($0.field) \($0.before) -> \($0.after)" }
  }

  @Test func nothingChangedIsNoLine() {
    #expect(lines { _ in }.isEmpty)
  }

  @Test func aChangedMACIsNamedByItsInterface() {
    #expect(
      lines { $0.interfaces[0].mac = "52:54:00:aa:00:0c" }
        == ["eth0.mac 52:54:00:00:00:0c -> 52:54:00:aa:00:0c"])
  }

  @Test func addedAndRemovedInterfacesHaveOneLineEach() {
    #expect(
      lines {
        $0.interfaces = [.init(name: "eth1", mac: "52:54:00:00:01:0c", subnet: nil)]
      } == ["eth0 52:54:00:00:00:0c -> ", "eth1  -> 52:54:00:00:01:0c"])
  }

  @Test func fieldsComeInTheirOrder() {
    #expect(
      lines {
        $0.bootOnce = "rescue"
        $0.tags = ["gpu", "prod"]
        $0.interfaces[0].address = .dynamic
      } == ["eth0.address 10.1.0.12 -> dynamic", "tags gpu -> gpu prod", "boot_once  -> rescue"])
  }
}
