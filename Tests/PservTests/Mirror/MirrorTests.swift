import Foundation
import Provisioning
import Testing

@testable import Pserv

/// What the mirror remembers.
struct MirrorTests {
  private let scratch = Scratch()

  @Test(arguments: [nil, 0o644])
  func nobodyElseMayReadTheFilesThatHoldTheCredential(before: Int?) throws {
    let path = scratch.path + "/mirror.db"
    let files = ["", "-wal", "-shm"].map { path + $0 }
    if let before {
      // As a life before this rule left them.
      let mirror = try scratch.mirror()
      for file in files {
        try FileManager.default.setAttributes([.posixPermissions: before], ofItemAtPath: file)
      }
      withExtendedLifetime(mirror) {}
    }
    let mirror = try scratch.mirror()
    var identity = AgentIdentity()
    identity.credential = "secret"
    try mirror.storeIdentity(identity)
    for file in files {
      let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(file)")
    }
  }

  @Test func everythingIsTheSameAfterReopening() throws {
    let mirror = try scratch.mirror()
    let once = BootOnce(profile: "rescue", token: 9)
    let header = try SubnetHeader(
      dhcpID: Sample.hall1, name: "hall1", fabric: "lab", prefix: "10.1.0.0/22", vlan: 101, gateway: "10.1.0.254",
      pool: AddressPool(["10.1.3.0-10.1.3.9", "10.1.3.20-10.1.3.29"]), dnsServers: ["10.0.0.53"],
      domain: DomainName("dc1.example"), ntpServers: ["10.0.0.123"], leaseSeconds: 600, isDHCPOn: true,
      relays: ["10.1.0.2"])
    var feed = SampleFeed(header: header)
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(1)))
    let (chunk, commit) = feed.put([Sample.binding(1, once: once), Sample.binding(2)])
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    #expect(try mirror.use(BootOnceUse(key: Sample.binding(1).key, token: 9)))
    try mirror.storeProfiles(
      BootProfiles(
        revision: 4,
        byName: [
          .local: BootProfileSpec(name: .local, kind: .local),
          "rescue": BootProfileSpec(
            name: "rescue",
            kind: .kernel(BootImage(kernel: "rescue/vmlinuz", initrds: ["rescue/initrd"], arguments: "quiet console=ttyS0"))),
        ]))
    var identity = AgentIdentity()
    identity.credential = "secret"
    identity.attempt = [1, 2, 3]
    try mirror.storeIdentity(identity)
    try mirror.block(feed.dhcpID, ForeignBlock(server: "10.1.0.254", headerGeneration: Generation(1)))
    let lease = Lease(dhcpID: feed.dhcpID, mac: Sample.mac(9), address: "10.1.0.9", until: Timestamp(seconds: 5))
    let applied = AppliedSubnet(
      subnet: Sample.served([Sample.binding(1, once: once)], header: header), incarnation: Sample.incarnation,
      digest: feed.digest, headerGeneration: Generation(1),
      rejected: [RejectedBinding(binding: Sample.binding(2), reason: RejectionReason(.refusedByServer, "no"))],
      leasesLeft: [lease])
    try mirror.recordApplied([applied], ended: [])

    let again = try scratch.mirror()
    #expect(again.content == mirror.content)
    #expect(again.content.subnets[feed.dhcpID]?.applied == applied)
    #expect(again.content.appliedState.subnets.count == 1)
  }

  @Test func anEndedSubnetKeepsItsEpochAndNothingElse() throws {
    let mirror = try scratch.mirror()
    var feed = SampleFeed()
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(1)))
    let (chunk, commit) = feed.put([Sample.binding(1)])
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    #expect(try mirror.revoke(feed.dhcpID, epoch: Epoch(2)))
    try mirror.recordApplied([], ended: [feed.dhcpID])
    let subnet = try #require(try scratch.mirror().content.subnets[feed.dhcpID])
    #expect(subnet.received == ReceivedFeed())
    #expect(subnet.applied == nil)
    #expect(subnet.epochMax == Epoch(2))
  }

  @Test func aUsedOrderIsForgottenWhenItIsGoneEverywhere() throws {
    let mirror = try scratch.mirror()
    var feed = SampleFeed()
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(1)))
    let ordered = Sample.binding(1, once: BootOnce(profile: "rescue", token: 9))
    var (chunk, commit) = feed.put([ordered])
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    try mirror.recordApplied([applied(feed)], ended: [])
    try mirror.serve(BootOnceUse(key: ordered.key, token: 9))
    #expect(try mirror.use(BootOnceUse(key: ordered.key, token: 9)))
    #expect(try !mirror.use(BootOnceUse(key: ordered.key, token: 9)))
    (chunk, commit) = feed.put([Sample.binding(1)])
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
    // The applied row still gives the order; a machine that boots now must not get it again.
    #expect(mirror.content.orders[ordered.key] == BootOnceProgress(token: 9, isUsedUp: true))
    try mirror.recordApplied([applied(feed)], ended: [])
    #expect(mirror.content.orders.isEmpty)
    #expect(try scratch.mirror().content.orders.isEmpty)
  }

  @Test func anOrderThatWasThereBeforeThisAgentMayHaveBeenHandedOutByTheFormerOwner() throws {
    let mirror = try scratch.mirror()
    var feed = SampleFeed()
    #expect(try mirror.assign(feed.dhcpID, name: feed.header.name, epoch: Epoch(1)))
    let old = Sample.binding(1, once: BootOnce(profile: "rescue", token: 9))
    let new = Sample.binding(2, once: BootOnce(profile: "rescue", token: 10))
    for binding in [old, new] {
      let (chunk, commit) = feed.put([binding])
      try mirror.stage(chunk)
      #expect(try mirror.commit(commit) == nil)
    }
    #expect(try scratch.mirror().content.orders == [old.key: BootOnceProgress(token: 9, isUsedUp: false)])
    #expect(try !mirror.use(BootOnceUse(key: new.key, token: 10)))
    #expect(try mirror.use(BootOnceUse(key: old.key, token: 9)))
  }

  private func applied(_ feed: SampleFeed) -> AppliedSubnet {
    AppliedSubnet(
      subnet: Sample.served(Array(feed.bindings.values), header: feed.header, generation: feed.generation.number),
      incarnation: Sample.incarnation, digest: feed.digest, headerGeneration: Generation(1), rejected: [], leasesLeft: [])
  }

  @Test func theSpoolKeepsTheOldestAndSaysWhenItIsFull() throws {
    let mirror = try scratch.mirror()
    func enlistment(_ number: Int) -> SpooledEnlistment {
      SpooledEnlistment(
        id: [UInt8](repeating: UInt8(number), count: 16), dhcpID: Sample.hall1,
        report: MachineReport(macs: [Sample.mac(number)], address: "10.1.3.7", serial: "S\(number)"),
        time: Timestamp(seconds: Int64(number)))
    }
    #expect(try mirror.spool(enlistment(1), max: 2) == .spooled)
    #expect(try mirror.spool(enlistment(2), max: 2) == .spooled)
    #expect(try mirror.spool(enlistment(3), max: 2) == .full)
    var repeated = enlistment(1)
    repeated.id = [UInt8](repeating: 99, count: 16)
    #expect(try mirror.spool(repeated, max: 2) == .alreadySpooled)

    let again = try scratch.mirror()
    #expect(again.content.spooled == 2)
    #expect(try again.spooledEnlistments(limit: 10, excluding: []) == [enlistment(1), enlistment(2)])
    #expect(try again.spooledEnlistments(limit: 10, excluding: [enlistment(1).id]) == [enlistment(2)])
    try again.acknowledgeEnlistments([enlistment(1).id])
    try again.acknowledgeEnlistments([enlistment(1).id])
    #expect(again.content.spooled == 1)
    #expect(try again.spool(enlistment(3), max: 2) == .spooled)
    #expect(try again.spooledEnlistments(limit: 10, excluding: []) == [enlistment(2), enlistment(3)])
  }

  @Test func aMirrorOfANewerProgramIsLeftAlone() throws {
    _ = try scratch.mirror()
    try sqlite("INSERT INTO grdb_migrations (identifier) VALUES ('99 from the future')")
    #expect(throws: MirrorError.newerSchema(path: scratch.path + "/mirror.db")) { try scratch.mirror() }
  }

  @Test func aFileThatIsNoDatabaseIsAnErrorWithAWayOut() throws {
    try Data("this is not a database, it only looks long enough to be one".utf8)
      .write(to: URL(filePath: scratch.path + "/mirror.db"))
    let error = #expect(throws: MirrorError.self) { try scratch.mirror() }
    #expect("\(try #require(error))".contains("Move it away"))
  }

  @Test func aDirectoryThatIsNotThereIsSaid() {
    let error = #expect(throws: MirrorError.self) { try Mirror(path: scratch.path + "/none/mirror.db") }
    #expect(error.map { "\($0)".contains("cannot open") } == true)
  }

  private func sqlite(_ statement: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/sqlite3")
    process.arguments = [scratch.path + "/mirror.db", statement]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}
