import Provisioning
import Testing
import Wire

@testable import Pserv

/// What the region's messages mean.
struct SessionMachineTests {
  /// Holds the machine, for expectations cannot change a value.
  private final class Subject {
    var machine = SessionMachine(now: .zero)
    func tick(now: Duration) throws -> Bool { try machine.tick(now: now) }
    func receive(_ message: MusterV1.RegionMessage, now: Duration) throws -> SessionMachine.Action? {
      try machine.receive(message, now: now)
    }
  }

  private func welcomed(renew: Duration = .seconds(3)) throws -> Subject {
    let machine = Subject()
    var welcome = MusterV1.Welcome()
    welcome.sessionEpoch = 7
    welcome.renewNs = renew.nanoseconds
    welcome.protocolVersion = 1
    #expect(
      try machine.receive(MusterV1.RegionMessage(message: .welcome(welcome)), now: .zero) == .welcomed(SessionEpoch(7)))
    return machine
  }

  @Test func theFirstMessageMustBeWelcome() {
    let machine = Subject()
    #expect(throws: SessionMachine.End.self) {
      try machine.receive(MusterV1.RegionMessage(message: .renewAck(MusterV1.RenewAck())), now: .zero)
    }
  }

  @Test func aRegionThatDoesNotGreetIsLeft() throws {
    let machine = Subject()
    #expect(try !machine.tick(now: .seconds(29)))
    #expect(throws: SessionMachine.End.noWelcome) { try machine.tick(now: .seconds(30)) }
  }

  @Test func renewalsKeepTheTimeTheRegionAskedFor() throws {
    let machine = try welcomed()
    var renewals: [Int] = []
    for second in 0..<10 {
      if try machine.tick(now: .seconds(second)) { renewals.append(second) }
      _ = try machine.receive(MusterV1.RegionMessage(message: .renewAck(MusterV1.RenewAck())), now: .seconds(second))
    }
    #expect(renewals == [0, 3, 6, 9])
  }

  @Test func aRegionThatAcknowledgesNothingIsLeft() throws {
    let machine = try welcomed()
    for second in [0, 3, 6, 9, 12] { #expect(try machine.tick(now: .seconds(second))) }
    #expect(throws: SessionMachine.End.silent(.seconds(15))) { try machine.tick(now: .seconds(15)) }
  }

  @Test func aRenewalTimeOutOfReasonIsBounded() throws {
    let machine = try welcomed(renew: .nanoseconds(1))
    #expect(try machine.tick(now: .zero))
    #expect(try !machine.tick(now: .milliseconds(199)))
    #expect(try machine.tick(now: .milliseconds(200)))
  }

  @Test func aNewerProtocolIsRefused() {
    let machine = Subject()
    var welcome = MusterV1.Welcome()
    welcome.protocolVersion = 2
    #expect(throws: SessionMachine.End.protocolVersion(2)) {
      try machine.receive(MusterV1.RegionMessage(message: .welcome(welcome)), now: .zero)
    }
  }

  @Test func aRowThatIsNoneBreaksItsDeltaAndNotTheSession() throws {
    let machine = try welcomed()
    var chunk = MusterV1.Chunk()
    chunk.dhcpId = 4
    chunk.upserts = [MusterV1.BindingRow(mac: 0x0100_5e00_0001, hostname: "n1")]
    guard case .broken(let id, _)? = try machine.receive(MusterV1.RegionMessage(message: .chunk(chunk)), now: .zero) else {
      return #expect(Bool(false))
    }
    #expect(id == DHCPSubnetID(number: 4))
  }

  @Test func aMessageOfANewerRegionIsPassedOver() throws {
    let machine = try welcomed()
    #expect(try machine.receive(MusterV1.RegionMessage(), now: .zero) == nil)
    #expect(try machine.receive(MusterV1.RegionMessage(message: .taskOffer(MusterV1.TaskOffer())), now: .zero) == nil)
  }

  @Test func rowsAndHeadersKeepTheirDigestOverTheWire() throws {
    let binding = Sample.binding(3, once: BootOnce(profile: "rescue", token: 5))
    let feed = SampleFeed(bindings: [binding], generation: Generation(4))
    var chunk = MusterV1.Chunk()
    chunk.dhcpId = 1
    chunk.header = MusterV1.Header(feed.header, generation: Generation(2))
    chunk.upserts = [MusterV1.BindingRow(binding, generation: Generation(4))]
    chunk.tombstones = [MusterV1.Tombstone(mac: Sample.mac(8), generation: Generation(3))]
    let read = try FeedChunk(chunk)
    let rows = try #require(read.rows.compactMap(\.binding) as [Binding]?)
    #expect(SubnetDigest(header: try #require(read.header), bindings: rows) == feed.digest)
    #expect(read.headerGeneration == Generation(2))
    #expect(read.rows.last == FeedRow(mac: Sample.mac(8), generation: Generation(3), binding: nil))
  }

  @Test func theProfilesThatAreAlwaysThereAreThere() throws {
    var set = MusterV1.ProfileSet()
    set.revision = 3
    set.profiles = [
      MusterV1.Profile(name: "rescue", kind: 2, kernel: "rescue/vmlinuz", initrds: ["rescue/initrd"], arguments: "quiet"),
    ]
    let profiles = try BootProfiles(set)
    #expect(profiles.byName["rescue"]?.kind.image?.kernel == "rescue/vmlinuz")
    #expect(profiles.byName[.enlist] != nil)
    #expect(profiles.byName[.local]?.kind == .local)
    #expect(profiles.paths.map(\.text) == ["rescue/initrd", "rescue/vmlinuz"])
  }

  @Test func waitsStayInTheirBoundsAndSpreadOut() {
    var backoff = Backoff()
    var generator = SystemRandomNumberGenerator()
    var waits: Set<Duration> = []
    for _ in 0..<200 {
      let wait = backoff.next(random: generator.next())
      #expect(wait >= backoff.base && wait <= backoff.cap)
      waits.insert(wait)
    }
    #expect(waits.count > 50)
    backoff.reset()
    let wait = backoff.next(random: .max)
    #expect(wait <= backoff.base * 3)
  }
}
