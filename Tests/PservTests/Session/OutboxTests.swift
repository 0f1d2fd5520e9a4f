import Provisioning
import Testing
import Wire

@testable import Pserv

/// What the region is told, and when it is told again.
struct OutboxTests {
  private let assigned = [Sample.hall1: Epoch(1)]

  private func applied(generation: UInt64 = 1, epoch: UInt64 = 1) -> AppliedSubnet {
    AppliedSubnet(
      subnet: Sample.served([Sample.binding(2)], epoch: epoch, generation: generation), incarnation: Sample.incarnation,
      digest: SubnetDigest(bits: 5), headerGeneration: Generation(1), rejected: [], leasesLeft: [])
  }

  /// Everything there is to say now.
  private func say(_ outbox: inout Outbox, _ assigned: [DHCPSubnetID: Epoch]? = nil) -> [MusterV1.AgentMessage.OneOfMessage] {
    var said: [MusterV1.AgentMessage.OneOfMessage] = []
    while let message = outbox.next(assigned: assigned ?? self.assigned, spool: { _ in [] }) { said.append(message) }
    return said
  }

  private func generations(_ messages: [MusterV1.AgentMessage.OneOfMessage]) -> [UInt64] {
    messages.compactMap { if case .applied(let applied) = $0 { applied.generation } else { nil } }
  }

  private func troubles(_ messages: [MusterV1.AgentMessage.OneOfMessage]) -> [String] {
    messages.compactMap { if case .subnetTrouble(let trouble) = $0 { trouble.code } else { nil } }
  }

  @Test func whatIsAppliedIsSaidOnceASession() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    #expect(generations(say(&outbox)) == [1])
    #expect(generations(say(&outbox)) == [])
    outbox.served[Sample.hall1] = applied(generation: 3)
    #expect(generations(say(&outbox)) == [3])
    outbox.beginSession()
    #expect(generations(say(&outbox)) == [3])
  }

  @Test func whatIsNotAssignedInThisSessionIsNotSaid() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    #expect(say(&outbox, [:]).isEmpty)
    #expect(generations(say(&outbox, [Sample.hall1: Epoch(2)])) == [])
    outbox.served[Sample.hall1] = applied(epoch: 2)
    #expect(generations(say(&outbox, [Sample.hall1: Epoch(2)])) == [1])
  }

  @Test func aTroubleThatEndedWhileNobodyListenedIsClearedInTheNextSession() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.troubles[Sample.hall1] = Trouble(.noLink, "interface eno2 is down.")
    #expect(troubles(say(&outbox)) == ["NO_LINK"])
    #expect(troubles(say(&outbox)) == [])
    outbox.troubles = [:]
    outbox.beginSession()
    #expect(troubles(say(&outbox)) == [""])
    #expect(troubles(say(&outbox)) == [])
  }

  @Test func aTroubleIsSaidBeforeTheGenerationThatItKeepsFromBeingServed() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    outbox.troubles[Sample.hall1] = Trouble(.foreignServer, "DHCP server 10.1.0.254 already answers on eno2.")
    let said = say(&outbox)
    #expect(troubles(Array(said.prefix(1))) == ["FOREIGN_DHCP_SERVER"])
    #expect(generations(Array(said.dropFirst())) == [1])
  }

  @Test func aHelloDoesNotCallServedWhatATroubleKeepsOff() {
    var mirrored = MirroredSubnet(dhcpID: Sample.hall1, name: "hall1", epochMax: Epoch(1), isOwned: true)
    mirrored.received.incarnation = Sample.incarnation
    mirrored.applied = applied(generation: 4)
    var room = RejectionRoom()
    #expect(MusterV1.Have(mirrored, room: &room).applied == 4)
    mirrored.applied?.subnet.answersDHCP = false
    #expect(MusterV1.Have(mirrored, room: &room).applied == 0)
    mirrored.applied?.subnet.header.isDHCPOn = false
    #expect(MusterV1.Have(mirrored, room: &room).applied == 4)
  }

  @Test func beforeTheFirstApplyNothingIsSaidToBeServed() {
    var outbox = Outbox()
    outbox.knowsTroubles = false
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    #expect(say(&outbox).isEmpty)
    outbox.knowsTroubles = true
    #expect(generations(say(&outbox)) == [1])
  }

  @Test func aRefusalComesBeforeEverythingElse() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    outbox.refuse(.gap, nil, id: Sample.hall1)
    guard case .refused(let refused)? = say(&outbox).first else { return #expect(Bool(false)) }
    #expect(refused.reason == .gap)
    #expect(refused.have?.dhcpId == 1)
  }

  @Test func anEndedSubnetIsSaidOnceAndForgotten() {
    var outbox = Outbox()
    outbox.beginSession()
    outbox.served[Sample.hall1] = applied()
    outbox.end(EndedSubnet(dhcpID: Sample.hall1, epoch: Epoch(2), generation: Generation(1), leasesLeft: []))
    let said = say(&outbox, [:])
    guard case .applied(let last)? = said.first, said.count == 1 else { return #expect(Bool(false)) }
    #expect(last.revoked)
    #expect(last.epoch == 2)
    outbox.beginSession()
    #expect(say(&outbox).count == 1)
  }

  @Test func observationsDropTheOldestAndCountTheGap() throws {
    var queue = ObservationQueue()
    for number in 0..<(ObservationQueue.waitingMax + 10) {
      queue.add(
        .lease(
          LeaseObservation(
            dhcpID: Sample.hall1, mac: Sample.mac(number), address: "10.1.0.5", until: Timestamp(seconds: 1))))
    }
    let first = queue.next { _ in [] }
    let message = try #require(first)
    #expect(message.dropped == 10)
    #expect(message.leases.count == ObservationQueue.messageMax)
    #expect(message.leases.first?.mac == Sample.mac(10).bits)
    // One at a time, until it is acknowledged.
    let early = queue.next { _ in [] }
    #expect(early == nil)
    let others = queue.acknowledge(9), its = queue.acknowledge(1)
    #expect(!others && its)
    let next = queue.next { _ in [] }
    let second = try #require(next)
    #expect(second.sequence == 2)
    #expect(second.dropped == 0)
    // The session is lost before the acknowledgement: the same again, in order, with new numbers.
    queue.requeue()
    let repeated = queue.next { _ in [] }
    let again = try #require(repeated)
    #expect(again.sequence == 1)
    #expect(again.leases == second.leases)
  }

  @Test func aQueueStaysBoundedHoweverOftenASessionIsLost() {
    var queue = ObservationQueue()
    for _ in 0..<50 {
      for number in 0..<500 {
        queue.add(
          .boot(
            BootObservation(
              dhcpID: Sample.hall1, mac: Sample.mac(number), stage: .script, time: Timestamp(seconds: 1)), bootOnce: 0))
      }
      _ = queue.next { _ in [] }
      queue.requeue()
    }
    #expect(queue.count == ObservationQueue.waitingMax)
  }
}
