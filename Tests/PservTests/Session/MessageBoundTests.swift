import Provisioning
import RPC
import Testing
import Wire

@testable import Pserv

/// What does not fit into a message is cut, and the message says so.
struct MessageBoundTests {
  /// Of a message; as the region's server bounds it.
  private let octetsMax = 4 << 20

  private func rejections(_ count: Int, wordsOctets: Int = RejectionReason.octetsMax) -> [RejectedBinding] {
    let words = String(repeating: "w", count: wordsOctets)
    return (0..<count).map { number in
      RejectedBinding(
        binding: Sample.binding(number, address: "10.1.0.1"), reason: RejectionReason(.addressOutsideSubnet, words))
    }
  }

  private func leases(_ count: Int) -> [Lease] {
    (0..<count).map { number in
      Lease(
        dhcpID: Sample.hall1, mac: Sample.mac(number), address: IPv4Address(bits: 0x0a00_0000 + UInt32(number)),
        until: Timestamp(seconds: 2_000_000_000 + Int64(number)))
    }
  }

  private func applied(rejected: [RejectedBinding] = [], leases: [Lease] = []) -> AppliedSubnet {
    AppliedSubnet(
      subnet: Sample.served([]), incarnation: Sample.incarnation, digest: SubnetDigest(bits: 5),
      headerGeneration: Generation(1), rejected: rejected, leasesLeft: leases)
  }

  @Test func anAppliedFitsWhateverIsRejectedAndLeft() {
    let message = MusterV1.Applied(applied(rejected: rejections(12_000), leases: leases(80_000)))
    #expect(MusterV1.AgentMessage(message: .applied(message)).serializedBytes().count < octetsMax)
    #expect(message.rejected.count == RejectionRoom.rowsMax)
    #expect(message.rejectedMore == 2_000)
    #expect(message.rejected.allSatisfy { !$0.message.isEmpty })
    #expect(message.leasesLeft.count == AppliedSubnet.leasesLeftMax)
    // The last of those that are not named.
    #expect(message.leasesMoreUntilNs == Timestamp(seconds: 2_000_079_999).nanoseconds)
  }

  @Test func whatFitsIsWholeAndSaysSo() {
    let message = MusterV1.Applied(applied(rejected: rejections(3, wordsOctets: 500), leases: leases(3)))
    #expect(message.rejected.map(\.message.utf8.count) == [500, 500, 500])
    #expect(message.rejectedMore == 0)
    #expect(message.leasesMoreUntilNs == 0)
  }

  @Test func anEndedSubnetSaysWhatItDoesNotName() {
    let ended = EndedSubnet(
      dhcpID: Sample.hall1, epoch: Epoch(2), generation: Generation(1), leasesLeft: leases(10_001))
    #expect(MusterV1.Applied(ended).leasesMoreUntilNs == Timestamp(seconds: 2_000_010_000).nanoseconds)
  }

  @Test func theSubnetsOfAHelloShareOneRoom() {
    var room = RejectionRoom()
    var hello = MusterV1.Hello()
    hello.have = [7_000, 7_000, 7_000].map { count in
      var mirrored = MirroredSubnet(dhcpID: Sample.hall1, name: "hall1", epochMax: Epoch(1), isOwned: true)
      mirrored.received.incarnation = Sample.incarnation
      mirrored.applied = applied(rejected: rejections(count))
      return MusterV1.Have(mirrored, room: &room)
    }
    #expect(hello.have.map(\.rejected.count) == [7_000, 3_000, 0])
    #expect(hello.have.map(\.rejectedMore) == [0, 4_000, 7_000])
    #expect(MusterV1.AgentMessage(message: .hello(hello)).serializedBytes().count < octetsMax)
  }

  @Test func leasesPastTheBoundAreRememberedByTheLastEndAmongThem() throws {
    let scratch = Scratch()
    let mirror = try scratch.mirror()
    #expect(try mirror.assign(Sample.hall1, name: "hall1", epoch: Epoch(1)))
    try mirror.recordApplied([applied(leases: leases(70_000))], ended: [])
    let known = try scratch.mirror().content.subnets[Sample.hall1]?.applied
    #expect(known?.leasesLeft == Array(leases(AppliedSubnet.leasesLeftMax)))
    #expect(known?.leasesMoreUntil == Timestamp(seconds: 2_000_069_999))
    // A list of any length is written; more than two octets count.
    #expect(try MirrorEncoding.leases(MirrorEncoding.encode(leases(70_000))).count == 70_000)
  }
}
