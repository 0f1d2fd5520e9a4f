internal import Provisioning
internal import RPC
internal import Testing
internal import Wire

/// The agents' session: both ends hold the same rows, by their digest, after the wire.
@Suite struct SessionWireTests {
  private let subnet = DHCPSubnetID(number: 12)

  private func bindings(_ count: Int) throws -> [Binding] {
    var random = SystemRandomNumberGenerator()
    var list: [Binding] = []
    for index in 0..<count {
      let mac = try MACAddress(bits: 0x5254_0000_0001 + UInt64(index))
      let address: IPv4Address? = index % 3 == 0 ? nil : IPv4Address(bits: 0x0a01_0000 + UInt32(index))
      var binding = Binding(
        key: BindingKey(subnet: subnet, mac: mac), node: NodeID(bits: .random(in: 0...(.max), using: &random)),
        hostname: try NodeName("node-\(index)"), address: address, bootProfile: nil)
      if index % 2 == 0 { binding.bootProfile = "local" }
      if index % 4 == 0 { binding.bootOnce = BootOnce(profile: "rescue", token: UInt64(index)) }
      list.append(binding)
    }
    return list
  }

  private func header() throws -> SubnetHeader {
    SubnetHeader(
      dhcpID: subnet, name: "hall1", fabric: "default", prefix: "10.1.0.0/22", vlan: 101, gateway: "10.1.0.1",
      pool: ["10.1.3.0-10.1.3.99"], dnsServers: ["10.0.0.53"], domain: "dc1.example",
      ntpServers: [], leaseSeconds: 3600, isDHCPOn: true, relays: ["10.1.0.2"])
  }

  @Test func rowsAndHeaderKeepTheirDigestAcrossTheWire() throws {
    let sent = try bindings(50)
    let header = try header()
    let chunk = MusterV1.Chunk(
      dhcpId: subnet.number, to: 9, header: MusterV1.Header(header, generation: Generation(4)),
      upserts: sent.map { MusterV1.BindingRow($0, generation: Generation(9)) })
    let received = try MusterV1.Chunk(serializedBytes: chunk.serializedBytes())
    let rows = try received.upserts.map { try FeedRow($0, subnet: subnet) }
    #expect(rows.compactMap(\.binding) == sent)
    #expect(rows.allSatisfy { $0.generation == Generation(9) })
    let receivedHeader = try SubnetHeader(try #require(received.header), dhcpID: subnet)
    #expect(receivedHeader == header)
    #expect(
      SubnetDigest(header: receivedHeader, bindings: rows.compactMap(\.binding))
        == SubnetDigest(header: header, bindings: sent))
  }

  @Test func aHeaderWithoutOptionsSurvivesToo() throws {
    let bare = SubnetHeader(
      dhcpID: subnet, name: "hall1", fabric: "default", prefix: "10.1.0.0/22", vlan: nil, gateway: nil,
      pool: .empty, dnsServers: [], domain: nil, ntpServers: [], leaseSeconds: 60, isDHCPOn: false, relays: [])
    #expect(try SubnetHeader(MusterV1.Header(bare, generation: .zero), dhcpID: subnet) == bare)
  }

  @Test(arguments: [
    Damage<MusterV1.Header>("Header.subnet") { $0.subnet = "" },
    Damage<MusterV1.Header>("Header.fabric") { $0.fabric = "a b" },
    Damage<MusterV1.Header>("Header.network") { $0.network += 1 },
    Damage<MusterV1.Header>("Header.network") { $0.prefixLength = 33 },
    Damage<MusterV1.Header>("Header.vlan") { $0.vlan = 4095 },
    Damage<MusterV1.Header>("Header.vlan") { $0.vlan = 70_000 },
    Damage<MusterV1.Header>("Header.pools") { $0.pools = [.init(first: 2, last: 1)] },
    Damage<MusterV1.Header>("Header.pools") { $0.pools = [.init(first: 1, last: 5), .init(first: 5, last: 9)] },
    Damage<MusterV1.Header>("Header.domain") { $0.domain = "a..b" },
  ])
  func aHeaderThatCannotBeIsRefused(damage: Damage<MusterV1.Header>) throws {
    var message = MusterV1.Header(try header(), generation: .zero)
    damage.apply(&message)
    #expect(throws: SessionError(field: damage.field)) { _ = try SubnetHeader(message, dhcpID: subnet) }
  }

  @Test(arguments: [
    Damage<MusterV1.BindingRow>("BindingRow.mac") { $0.mac = 0 },
    Damage<MusterV1.BindingRow>("BindingRow.mac") { $0.mac = 1 << 48 },
    Damage<MusterV1.BindingRow>("BindingRow.node_uid") { $0.nodeUid = [1] },
    Damage<MusterV1.BindingRow>("BindingRow.hostname") { $0.hostname = "a\"b" },
    Damage<MusterV1.BindingRow>("BindingRow.boot_profile") { $0.bootProfile = "" },
    Damage<MusterV1.BindingRow>("BindingRow.boot_once") { $0.bootOnce = "../x" },
  ])
  func aRowThatCannotBeIsRefused(damage: Damage<MusterV1.BindingRow>) throws {
    var row = MusterV1.BindingRow(try bindings(1)[0], generation: Generation(1))
    damage.apply(&row)
    #expect(throws: SessionError(field: damage.field)) { _ = try FeedRow(row, subnet: subnet) }
  }

  @Test func tombstonesHaveNoBinding() throws {
    let sent = MusterV1.Tombstone(mac: "52:54:00:00:00:2a", generation: Generation(7))
    let row = try FeedRow(sent)
    #expect(row == FeedRow(mac: "52:54:00:00:00:2a", generation: Generation(7), binding: nil))
  }

  @Test func digestsAndIdentitiesAreSixteenOctets() throws {
    let digest = SubnetDigest(bits: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff)
    #expect(digest.octets == [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff])
    #expect(try SubnetDigest(octets: digest.octets, field: "x") == digest)
    #expect(try Incarnation(octets: Incarnation(bits: 3).octets, field: "x") == Incarnation(bits: 3))
    #expect(throws: SessionError(field: "Commit.digest")) {
      _ = try SubnetDigest(octets: [1, 2], field: "Commit.digest")
    }
  }

  @Test func profilesOfTheSessionSurvive() throws {
    let specs = [
      BootProfileSpec(name: .local, kind: .local),
      BootProfileSpec(name: "rescue", kind: .kernel(BootImage(kernel: "a/b", initrds: ["c"], arguments: "quiet"))),
    ]
    let set = MusterV1.ProfileSet(specs, revision: Revision(4))
    #expect(set.revision == 4)
    #expect(try set.profiles.map { try BootProfileSpec($0) } == specs)
    #expect(throws: SessionError(field: "Profile.kind")) {
      _ = try BootProfileSpec(MusterV1.Profile(name: "x", kind: 9))
    }
    #expect(throws: SessionError(field: "Profile.kernel")) {
      _ = try BootProfileSpec(MusterV1.Profile(name: "x", kind: 2, kernel: "../etc/passwd"))
    }
  }

  @Test func reportsOfTheAgentSurvive() throws {
    let key = BindingKey(subnet: subnet, mac: "52:54:00:00:00:2a")
    let time = Timestamp(nanoseconds: 5)
    let boot = BootReport(stage: .kernel, time: time, succeeded: false, detail: "HTTP 404", agent: "rack1")
    let seen = MusterV1.BootSeen(boot, key: key, bootOnceToken: 3)
    #expect(try BootReport(seen, agent: "rack1") == boot)
    #expect(try seen.key() == key)
    let lease = ObservedLease(subnet: subnet, mac: key.mac, address: "10.1.0.42", until: time)
    #expect(try ObservedLease(MusterV1.LeaseSeen(lease)) == lease)
    let left = LeaseLeft(address: "10.1.0.42", mac: key.mac, until: time)
    #expect(try LeaseLeft(MusterV1.LeaseLeft(left)) == left)
    let rejection = Rejection(mac: key.mac, code: "KEA", message: "no")
    #expect(try Rejection(MusterV1.Rejection(rejection)) == rejection)
    let file = BootFile(path: "a/b", sha256: Array(repeating: 7, count: 32), sizeBytes: 9)
    #expect(try BootFile(MusterV1.BootFile(file)) == file)
    #expect(throws: SessionError(field: "BootFile.sha256")) {
      _ = try BootFile(MusterV1.BootFile(path: "a", sha256: [1]))
    }
    #expect(SubnetTrouble(MusterV1.SubnetTrouble(code: "")) == nil)
  }

  @Test func whatAMachineSaysIsTakenAsFarAsItMakesSense() throws {
    let message = MusterV1.Enlistment(
      macs: [0x5254_00aa_bb01, 0, 0x5254_00aa_bb01, 0x5254_00aa_bb02], serial: "7X\"K2", uuid: "zzz",
      firmware: "coreboot", memoryMib: 1024, cpuModel: "A \"B\"\n")
    let report = try EnlistmentReport(message)
    #expect(report.macs == ["52:54:00:aa:bb:01", "52:54:00:aa:bb:02"])
    #expect(report.serial == nil)
    #expect(report.uuid == nil)
    #expect(report.hardware.firmware == nil)
    #expect(report.hardware.cpuModel.text == "A ?B??")
    #expect(throws: SessionError(field: "Enlistment.macs")) { _ = try EnlistmentReport(MusterV1.Enlistment()) }
    #expect(throws: SessionError(field: "Enlistment.macs")) {
      _ = try EnlistmentReport(MusterV1.Enlistment(macs: [0, 0x5254_00aa_bb02]))
    }
    let sent = MusterV1.Enlistment(report, id: [1], subnet: subnet, address: nil, time: Timestamp(nanoseconds: 1))
    #expect(try EnlistmentReport(sent) == report)
  }
}

/// A change that makes one field of a message wrong.
struct Damage<Message: Sendable>: Sendable, CustomTestStringConvertible {
  let field: String
  let apply: @Sendable (inout Message) -> Void

  init(_ field: String, _ apply: @escaping @Sendable (inout Message) -> Void) {
    self.field = field
    self.apply = apply
  }

  var testDescription: String { field }
}
