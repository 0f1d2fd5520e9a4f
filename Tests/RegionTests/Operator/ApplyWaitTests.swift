import Provisioning
import Testing

@testable import Region

@Suite struct ApplyWaitTests {
  static let now = Timestamp(seconds: 1_795_320_542)
  static let id = DHCPSubnetID(number: 7)

  private func wait(_ generation: UInt64 = 813) -> ApplyWait {
    ApplyWait([SubnetGeneration(subnet: "hall1", dhcpID: Self.id, generation: Generation(generation))])
  }

  private func progress(applied: UInt64, _ change: (inout ApplyProgress) -> Void = { _ in }) -> ApplyProgress {
    var progress = ApplyProgress(
      subnet: "hall1", head: Generation(813), applied: Generation(applied),
      owner: .init(agent: "rack1", lastSeen: Self.now), probe: "probe ok")
    change(&progress)
    return progress
  }

  @Test func theWaitEndsWithTheWordOfTheProbe() {
    var wait = wait()
    let update = wait.observe(progress(applied: 813) { $0.lag = .milliseconds(300) }, of: Self.id, now: Self.now)
    #expect(update?.isApplied == true)
    #expect(update?.detail == "probe ok")
    #expect(update?.lag == .milliseconds(300))
    #expect(update?.remaining == 0)
    #expect(wait.isOver)
  }

  @Test func whatIsAppliedButKeptOffIsNotServed() {
    var wait = wait()
    let off = progress(applied: 813) { $0.trouble = "DHCP server 10.1.0.254 already answers on eno2" }
    #expect(wait.observe(off, of: Self.id, now: Self.now)?.isApplied == false)
    #expect(wait.observe(progress(applied: 813), of: Self.id, now: Self.now)?.isApplied == true)
  }

  @Test func afterADrainTheOldOwnersWordIsNotEnough() {
    var wait = ApplyWait(
      [SubnetGeneration(subnet: "hall1", dhcpID: Self.id, generation: Generation(813))], leaving: "rack1")
    let old = wait.observe(progress(applied: 813), of: Self.id, now: Self.now)
    #expect(old?.isApplied == false)
    #expect(old?.detail == "rack1 has not stopped serving it")
    let new = progress(applied: 813) { $0.owner = .init(agent: "rack2", lastSeen: Self.now) }
    #expect(wait.observe(new, of: Self.id, now: Self.now)?.isApplied == true)
  }

  @Test func aNewerGenerationIsAsGood() {
    var wait = wait(800)
    #expect(wait.observe(progress(applied: 813), of: Self.id, now: Self.now)?.isApplied == true)
  }

  @Test func anObstacleIsSaidOnceAndAgainWhenItChanges() {
    var wait = wait()
    let silent = progress(applied: 812) {
      $0.owner = .init(agent: "rack1", isOnline: false, lastSeen: Self.now.advanced(bySeconds: -240))
    }
    #expect(wait.observe(silent, of: Self.id, now: Self.now)?.detail == "rack1 silent for 4m")
    #expect(wait.observe(silent, of: Self.id, now: Self.now.advanced(bySeconds: 60)) == nil)
    let back = progress(applied: 812)
    #expect(wait.observe(back, of: Self.id, now: Self.now)?.detail == "rack1 is applying, at generation 812")
    #expect(!wait.isOver)
  }

  @Test func aSubnetWithoutOwnerIsNotAppliedWhateverItWas() {
    var wait = wait()
    let update = wait.observe(progress(applied: 813) { $0.owner = nil }, of: Self.id, now: Self.now)
    #expect(update?.isApplied == false)
    #expect(update?.detail == "no agent can serve hall1")
  }

  @Test func theTroubleOfTheOwnerIsPassedOn() {
    var wait = wait()
    let update = wait.observe(progress(applied: 812) { $0.trouble = "eno2 is down" }, of: Self.id, now: Self.now)
    #expect(update?.detail == "rack1 does not serve it: eno2 is down")
  }

  @Test func leasesThatCameAlongAreCounted() {
    var wait = ApplyWait(
      [SubnetGeneration(subnet: "hall1", dhcpID: Self.id, generation: Generation(813))], leaving: "rack2")
    let update = wait.observe(progress(applied: 813) { $0.leases = 31 }, of: Self.id, now: Self.now)
    #expect(update?.detail == "probe ok, 31 leases handed over")
  }

  @Test func quarantinedNodesAreCounted() {
    var wait = wait()
    let update = wait.observe(progress(applied: 813) { $0.quarantined = 2 }, of: Self.id, now: Self.now)
    #expect(update?.detail == "probe ok, 2 nodes quarantined")
  }

  @Test func aRemovedSubnetEndsItsWait() {
    var wait = wait()
    #expect(wait.observe(nil, of: Self.id, now: Self.now)?.detail == "hall1 was removed")
    #expect(wait.isOver)
  }

  @Test func theNewestOfSeveralGenerationsCounts() {
    var wait = ApplyWait([
      SubnetGeneration(subnet: "hall1", dhcpID: Self.id, generation: Generation(813)),
      SubnetGeneration(subnet: "hall1", dhcpID: Self.id, generation: Generation(811)),
    ])
    #expect(wait.observe(progress(applied: 812), of: Self.id, now: Self.now)?.isApplied == false)
    #expect(wait.pending == [Self.id])
  }

  @Test func whatIsNotWaitedForIsIgnored() {
    var wait = wait()
    #expect(wait.observe(progress(applied: 813), of: DHCPSubnetID(number: 8), now: Self.now) == nil)
  }
}
