import Provisioning
import RPC
import Store
import Testing
import Wire

@testable import Region

/// Bad input gets a clear error that names the field and the way out, and nothing of it is applied.
@Suite struct BadInputTests {
  /// A hall with one node, r1n42, at 10.1.0.42.
  private func hall() async throws -> OperatorLab {
    let lab = try await OperatorLab().addHalls()
    try await lab.add(node: .sample("r1n42", mac: "52:54:00:00:00:2a", address: "10.1.0.42"))
    return lab
  }

  private func sentence(ofAdding node: MusterV1.Node) async throws -> [String] {
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.add(node: node) }
    #expect(refused?.code == .invalidArgument)
    #expect(try await lab.nodes.listNodes(.init()).nodes.map(\.name) == ["r1n42"])
    return refused?.sentences ?? []
  }

  @Test(arguments: [
    ("52:54:00:0:00:11", "interfaces[0].mac: 52:54:00:0:00:11 is not a MAC address. Write six pairs of hex digits."),
    ("01:00:5e:00:00:01", "interfaces[0].mac: 01:00:5e:00:00:01 is a multicast MAC address. Write the interface's own address."),
    ("00:00:00:00:00:00", "interfaces[0].mac: 00:00:00:00:00:00 is the all-zero MAC address. Write the interface's own address."),
    ("ff:ff:ff:ff:ff:ff", "interfaces[0].mac: ff:ff:ff:ff:ff:ff is the broadcast MAC address. Write the interface's own address."),
    ("", "interfaces[0].mac: is missing. Give the interface's MAC address."),
    ("52:54:00:00:00:2a", "interfaces[0].mac: 52:54:00:00:00:2a belongs to node r1n42 (eth0). Remove it there first, or change both in one import."),
  ])
  func aWrongMACIsNamed(mac: String, sentence: String) async throws {
    #expect(try await self.sentence(ofAdding: .sample("web1", mac: mac)) == [sentence])
  }

  @Test(arguments: [
    ("10.1.3.10", "is inside the pool of hall1 (10.1.3.0-10.1.3.99)"),
    ("10.9.0.1", "is outside hall1 (10.1.0.0/22)"),
    ("10.1.0.0", "is the network address of hall1 (10.1.0.0/22)"),
    ("10.1.3.255", "is the broadcast address of hall1 (10.1.0.0/22)"),
    ("10.1.0.1", "is the gateway of hall1"),
    ("10.1.0.42", "belongs to node r1n42"),
  ])
  func aWrongAddressIsNamed(address: String, why: String) async throws {
    let sentence = "interfaces[0].address: \(address) \(why). Choose another address or 'auto'."
    #expect(try await self.sentence(ofAdding: .sample("web1", mac: "52:54:00:00:00:01", address: address)) == [sentence])
  }

  @Test(arguments: [
    "10.1.0.256", "10.1.0", "10.1.0.01", "::1", "10.1.0.2 ", "hall1",
  ])
  func whatIsNoAddressIsRefused(address: String) async throws {
    let sentences = try await self.sentence(ofAdding: .sample("web1", mac: "52:54:00:00:00:01", address: address))
    #expect(sentences.count == 1)
    #expect(sentences.first?.hasPrefix("interfaces[0].address: ") == true)
  }

  @Test func theAddressOfAnAgentIsRefused() async throws {
    let lab = try await hall()
    try await lab.addAgent("rack1", address: "10.1.0.3")
    let refused = await lab.refusal {
      try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01", address: "10.1.0.3"))
    }
    #expect(
      refused?.sentences
        == ["interfaces[0].address: 10.1.0.3 is an address of the agent that serves hall1. Choose another address or 'auto'."])
  }

  @Test func allProblemsComeAtOnce() async throws {
    let node = MusterV1.Node(
      name: "web_1", tags: ["a b"],
      interfaces: [.init(name: "eth0", mac: "nonsense", subnet: "hall1", address: "10.1.0.300")],
      serial: "a\"b", uuid: "x")
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.add(node: node) }
    #expect(
      Set(refused?.fields ?? [])
        == ["name", "tags[0]", "interfaces[0].mac", "interfaces[0].address", "serial", "uuid"])
    #expect(refused?.reason == "INVALID_FIELDS")
  }

  @Test(arguments: [
    "web 1", "-web", "web-", "wéb", "web_1", "web.1", "", String(repeating: "a", count: 64), "web\u{0}1", "web\n1", "we\"b",
  ])
  func aNameThatIsNoHostNameIsRefused(name: String) async throws {
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.add(node: .sample(name, mac: "52:54:00:00:00:01")) }
    #expect(refused?.code == .invalidArgument)
  }

  @Test func aNameThatIsTakenIsRefusedWithTheCommandThatChangesIt() async throws {
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.add(node: .sample("r1n42", mac: "52:54:00:00:00:01")) }
    #expect(refused?.code == .alreadyExists)
    #expect(refused?.message == "node r1n42 exists. Change it with 'muster node update r1n42'.")
  }

  @Test func anUnknownSubnetIsAnsweredWithTheOneProbablyMeant() async throws {
    #expect(
      try await sentence(ofAdding: .sample("web1", mac: "52:54:00:00:00:01", subnet: "hal1"))
        == ["interfaces[0].subnet: hal1 is not a subnet. Perhaps you mean 'hall1'."])
  }

  @Test func anUnknownProfileIsAnsweredWithTheOneProbablyMeant() async throws {
    #expect(
      try await sentence(ofAdding: .sample("web1", mac: "52:54:00:00:00:01", profile: "locla"))
        == ["boot_profile: locla is not a boot profile. Perhaps you mean 'local'."])
  }

  @Test func anUnknownNodeIsAnsweredWithTheOneProbablyMeant() async throws {
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.node("r1n43") }
    #expect(refused?.code == .notFound)
    #expect(refused?.message == "node r1n43 does not exist. Perhaps you mean r1n42.")
  }

  @Test(arguments: ["a\u{7}b", "a\"b", "a\\b", "a'b", "a`b", "a\u{202e}b", " a", "a\r\nb"])
  func textThatCouldBreakOutIsRefused(text: String) async throws {
    var node = MusterV1.Node.sample("web1", mac: "52:54:00:00:00:01")
    node.location = text
    let sentences = try await sentence(ofAdding: node)
    #expect(sentences.count == 1)
    #expect(sentences.first?.hasPrefix("location: ") == true)
    #expect(sentences.first?.unicodeScalars.allSatisfy { TextRule.isPrintable($0) } == true)
  }

  // MARK: Held addresses

  @Test func anAddressTakenFromAMachineIsHeldForIt() async throws {
    let lab = try await hall()
    try await lab.addAgent("rack1", address: "10.1.0.3")
    _ = try await lab.nodes.deleteNode(.init(name: "r1n42"))
    let other = MusterV1.Node.sample("web1", mac: "52:54:00:00:00:01", address: "10.1.0.42")
    let refused = await lab.refusal { try await lab.add(node: other) }
    #expect(refused?.reason == "ADDRESS_HELD")
    #expect(
      refused?.sentences == [
        "interfaces[0].address: 10.1.0.42 is held for 52:54:00:00:00:2a: its agent has not confirmed the removal. "
          + "Choose another address or 'auto', wait, or risk a double address with --force."
      ])
    // The machine itself may have it back, and an operator may take the risk.
    let back = try await lab.add(node: .sample("back", mac: "52:54:00:00:00:2a", address: "10.1.0.42"))
    #expect(back.outcome == .added)
    _ = try await lab.nodes.deleteNode(.init(name: "back"))
    #expect(try await lab.nodes.createNode(.init(node: other, force: true)).outcome == .added)
  }

  @Test func autoDoesNotTakeAHeldAddress() async throws {
    let lab = try await OperatorLab().addHalls()
    try await lab.addAgent("rack1", address: "10.1.0.254")
    try await lab.add(node: .sample("a", mac: "52:54:00:00:00:01"))
    _ = try await lab.nodes.deleteNode(.init(name: "a"))
    let response = try await lab.add(node: .sample("b", mac: "52:54:00:00:00:02"))
    #expect(response.node?.interfaces.first?.address == "10.1.0.3")
  }

  // MARK: Subnets

  private func refusal(ofAdding subnet: MusterV1.Subnet) async throws -> Refused? {
    let lab = try await hall()
    return await lab.refusal { try await lab.add(subnet: subnet) }
  }

  @Test func anOverlappingPrefixIsRefused() async throws {
    let refused = try await refusal(ofAdding: .init(name: "hall9", prefix: "10.1.2.0/24"))
    #expect(
      refused?.sentences == ["prefix: 10.1.2.0/24 overlaps hall1 (10.1.0.0/22). Choose another prefix or another fabric."])
    let lab = try await hall()
    #expect(try await lab.add(subnet: .init(name: "lab9", fabric: "lab", prefix: "10.1.2.0/24")).outcome == .added)
  }

  @Test(arguments: [
    (MusterV1.Subnet(name: "h", prefix: "10.5.0.1/24"), ["prefix"]),
    (.init(name: "h", prefix: "10.5.0.0"), ["prefix"]),
    (.init(name: "h", prefix: "10.5.0.0/31"), ["prefix"]),
    (.init(name: "h", prefix: "10.5.0.0/24", gateway: "10.6.0.1"), ["gateway"]),
    (.init(name: "h", prefix: "10.5.0.0/24", pools: ["10.6.0.1-10.6.0.9"]), ["pools[0]"]),
    (.init(name: "h", prefix: "10.5.0.0/24", pools: ["10.5.0.9-10.5.0.1"]), ["pools[0]"]),
    (.init(name: "h", prefix: "10.5.0.0/24", pools: ["10.5.0.1-10.5.0.9", "10.5.0.5-10.5.0.20"]), ["pools[1]"]),
    (.init(name: "h", prefix: "10.5.0.0/24", gateway: "10.5.0.1", pools: ["10.5.0.1-10.5.0.9"]), ["pools[0]"]),
    (.init(name: "h", prefix: "10.5.0.0/24", vlan: 5_000), ["vlan"]),
    (.init(name: "h", prefix: "10.5.0.0/24", dnsServers: ["x"]), ["dns_servers[0]"]),
    (.init(name: "h", prefix: "10.5.0.0/24", domain: "a..b"), ["domain"]),
    (.init(name: "h", prefix: "10.5.0.0/24", lease: .init(seconds: 5)), ["lease"]),
    (.init(name: "h\n", prefix: "10.5.0.0/24"), ["name"]),
    (.init(name: "h", prefix: "10.5.0.0/24", agents: ["a b"]), ["agents[0]"]),
  ] as [(MusterV1.Subnet, [String])])
  func aWrongSubnetNamesTheField(subnet: MusterV1.Subnet, fields: [String]) async throws {
    let refused = try await refusal(ofAdding: subnet)
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.fields == fields)
  }

  @Test func aSubnetWithNodesStays() async throws {
    let lab = try await hall()
    let refused = await lab.refusal { try await lab.subnets.deleteSubnet(.init(name: "hall1")) }
    #expect(refused?.code == .failedPrecondition)
    #expect(
      refused?.message
        == "subnet hall1 still has 1 node. List them with 'muster node list --subnet hall1'; nothing was removed.")
    #expect(try await lab.subnets.getSubnet(.init(name: "hall1")).name == "hall1")
  }

  @Test func aPoolThatWouldCoverANodeIsRefused() async throws {
    let lab = try await hall()
    let refused = await lab.refusal {
      try await lab.subnets.updateSubnet(
        .init(subnet: .init(name: "hall1", pools: ["10.1.0.10-10.1.0.99"]), updateMask: .init(paths: ["pools"])))
    }
    #expect(
      refused?.sentences
        == ["pools[0]: 10.1.0.10-10.1.0.99 contains 10.1.0.42 of node r1n42. Leave it out, or move the node."])
  }

  @Test func thePrefixCannotBeChanged() async throws {
    let lab = try await hall()
    let refused = await lab.refusal {
      try await lab.subnets.updateSubnet(
        .init(subnet: .init(name: "hall1", prefix: "10.7.0.0/22"), updateMask: .init(paths: ["prefix"])))
    }
    #expect(refused?.reason == "IMMUTABLE")
    #expect(refused?.fields == ["prefix"])
  }

  @Test func anUnknownFieldOfAMaskIsAnsweredWithTheOneProbablyMeant() async throws {
    let lab = try await hall()
    let refused = await lab.refusal {
      try await lab.subnets.updateSubnet(
        .init(subnet: .init(name: "hall1"), updateMask: .init(paths: ["gatway"])))
    }
    #expect(refused?.sentences == ["update_mask: gatway is not a field. Perhaps you mean 'gateway'."])
  }

  // MARK: Profiles

  @Test func aProfileInUseStays() async throws {
    let lab = try await hall()
    _ = try await lab.profiles.createBootProfile(.init(bootProfile: .init(name: "rescue", kernel: "rescue/vmlinuz")))
    try await lab.add(node: .sample("web1", mac: "52:54:00:00:00:01", profile: "rescue"))
    let refused = await lab.refusal { try await lab.profiles.deleteBootProfile(.init(name: "rescue")) }
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.reason == "PROFILE_IN_USE")
    #expect(refused?.message.contains("web1") == true)
    let builtIn = await lab.refusal { try await lab.profiles.deleteBootProfile(.init(name: "local")) }
    #expect(builtIn?.reason == "PROFILE_BUILT_IN")
  }

  @Test(arguments: [
    (MusterV1.BootProfile(name: "p", kernel: "/etc/passwd"), ["kernel"]),
    (.init(name: "p", kernel: "../vmlinuz"), ["kernel"]),
    (.init(name: "p", kernel: String(repeating: "a", count: 128)), ["kernel"]),
    (.init(name: "p", kernel: "vmlinuz", initrds: ["a b"]), ["initrds[0]"]),
    (.init(name: "p", kernel: "vmlinuz", arguments: "x=\"y\""), ["arguments"]),
    (.init(name: "p", kernel: "vmlinuz", arguments: "${cwuri}"), ["arguments"]),
    (.init(name: "p", kernel: "vmlinuz", arguments: "quiet #single"), ["arguments"]),
    (.init(name: "p", kernel: "vmlinuz", arguments: "quiet && shell"), ["arguments"]),
    (.init(name: "p", kernel: "vmlinuz", arguments: "quiet || shell"), ["arguments"]),
    (.init(name: "p", kind: .local, kernel: "vmlinuz"), ["kind"]),
    (.init(name: "p p", kernel: "vmlinuz"), ["name"]),
  ] as [(MusterV1.BootProfile, [String])])
  func aWrongProfileNamesTheField(profile: MusterV1.BootProfile, fields: [String]) async throws {
    let lab = try OperatorLab()
    let refused = await lab.refusal { try await lab.profiles.createBootProfile(.init(bootProfile: profile)) }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.fields == fields)
  }

  // MARK: Requests

  @Test(arguments: [String(repeating: "x", count: 65), "a\nb", "ä"])
  func aWrongRequestIDIsNamed(id: String) async throws {
    let lab = try await hall()
    let refused = await lab.refusal {
      try await lab.nodes.createNode(.init(node: .sample("web1", mac: "52:54:00:00:00:01"), requestId: id))
    }
    #expect(refused?.fields == ["request_id"])
  }

  @Test func aRequestWithoutItsSubjectIsRefused() async throws {
    let lab = try OperatorLab()
    #expect(await lab.refusal { try await lab.nodes.createNode(.init()) }?.fields == ["node"])
    #expect(await lab.refusal { try await lab.subnets.createSubnet(.init()) }?.fields == ["subnet"])
    #expect(await lab.refusal { try await lab.profiles.createBootProfile(.init()) }?.fields == ["boot_profile"])
    #expect(await lab.refusal { try await lab.nodes.getNode(.init()) }?.fields == ["name"])
  }
}

extension OperatorLab {
  /// An agent with an interface in hall1, which it then owns.
  @discardableResult
  func addAgent(_ name: String, address: String, fabric: String = "default") async throws -> SessionEpoch {
    let name = try AgentName(name)
    let links = [AgentLink(interface: "eno1", fabric: try FabricName(fabric), addresses: [try IPv4Address(address)])]
    let expires = now.advanced(bySeconds: 3_600)
    return try await context.store.write { [placement = context.placement] transaction in
      let token = Array(repeating: UInt8(1), count: 32)
      _ = try transaction.createAgent(name, token: token, tokenExpires: expires)
      _ = try transaction.enroll(name, token: token, attempt: [1], credential: Array(name.text.utf8))
      let claimed = try transaction.claimSession(
        of: name, boot: BootID(bits: 1), links: links, version: .empty, protocolVersion: 1)
      try placement.placeUnowned(in: &transaction)
      return claimed.session
    }
  }
}
