import Provisioning
import Synchronization
import Testing

@testable import Pserv

struct LinkTableTests {
  @Test func messagesAddUpToLinksByName() {
    var table = LinkTable()
    table.apply(.link(index: 3, name: "eno3", isUp: false))
    table.apply(.link(index: 2, name: "eno2", isUp: true))
    table.apply(.address(index: 2, LinkAddress(address: "10.1.0.1", prefixLength: 22)))
    table.apply(.address(index: 2, LinkAddress(address: "10.1.0.1", prefixLength: 22)))
    table.apply(.address(index: 2, LinkAddress(address: "10.2.0.1", prefixLength: 24)))
    table.apply(.addressGone(index: 2, LinkAddress(address: "10.2.0.1", prefixLength: 24)))
    #expect(
      table.links(of: ["eno3", "eno2", "absent"]) == [
        LinkState(
          interface: "eno2", isUp: true, addresses: [LinkAddress(address: "10.1.0.1", prefixLength: 22)]),
        LinkState(interface: "eno3", isUp: false, addresses: []),
      ])
    table.apply(.linkGone(index: 2))
    #expect(table.links(of: ["eno2"]).isEmpty)
  }
}

/// Against the kernel, in namespaces of the test's own.
@Suite(.enabled(if: TestRack.isPossible), .serialized, .timeLimit(.minutes(1)))
struct NetlinkTests {
  @Test func theKernelTellsLinksAndTheirAddresses() async throws {
    let rack = try await TestRack(["10.1.0.1/22", "10.2.0.1/24"])
    let links = NetlinkLinks(namespace: rack.server)
    let eno2 = LinkState(
      interface: "eno2", isUp: true,
      addresses: [
        LinkAddress(address: "10.1.0.1", prefixLength: 22), LinkAddress(address: "10.2.0.1", prefixLength: 24),
      ])
    #expect(try links.links(of: ["eno2", "absent"]) == [eno2])
    try await rack.serverLink("down")
    #expect(try links.links(of: ["eno2"]).first?.isUp == false)
  }

  @Test func everyChangeIsTold() async throws {
    let rack = try await TestRack()
    let links = NetlinkLinks(namespace: rack.server)
    let calls = Atomic(0)
    try await withRunning({ try await links.watch { calls.add(1, ordering: .relaxed) } }) {
      #expect(try await eventually { calls.load(ordering: .relaxed) == 1 })
      for word in ["down", "up"] {
        let before = calls.load(ordering: .relaxed)
        try await rack.serverLink(word)
        #expect(try await eventually { calls.load(ordering: .relaxed) > before })
      }
      let before = calls.load(ordering: .relaxed)
      try await rack.serverAddress("add", "10.9.0.1/24")
      #expect(try await eventually { calls.load(ordering: .relaxed) > before })
      #expect(try links.links(of: ["eno2"]).first?.addresses.count == 2)
    }
  }
}
