import RPC
import Testing
import Wire

@testable import LoadHarness

struct WorkloadTests {
  private func workload(_ operation: Workload.Operation) -> Workload {
    Workload(operation: operation, count: 10, rate: 5, subnet: "hall1", prefix: "w")
  }

  @Test func namesAndMACsFollowTheIndex() {
    let load = workload(.add)
    #expect(load.name(of: 12) == "w12")
    #expect(load.mac(of: 0) == "02:6c:00:00:00:00")
    #expect(load.mac(of: 0x0a_0b0c) == "02:6c:00:0a:0b:0c")
  }

  @Test func macsAreLocallyAdministeredUnicastAndDifferent() {
    let load = workload(.add)
    let macs = (0..<1_000).map { load.mac(of: $0 * 9_973) }
    #expect(Set(macs).count == macs.count)
    #expect(macs.allSatisfy { $0.hasPrefix("02:") && $0.count == 17 })
    #expect(load.firstMAC + UInt64(Workload.countMax) < 0x0300_0000_0000)
  }

  @Test func anAddedNodeBootsFromTheSubnet() {
    guard case .create(let request) = workload(.add).request(3), let node = request.node else {
      Issue.record("not a CreateNode")
      return
    }
    #expect(node.name == "w3")
    #expect(node.interfaces == [.init(name: "eth0", mac: "02:6c:00:00:00:03", subnet: "hall1", address: "auto", boot: true)])
  }

  @Test func aTagIsAWriteThatNoRackHasToApply() {
    guard case .update(let request) = workload(.tag).request(9) else {
      Issue.record("not an UpdateNode")
      return
    }
    #expect(request.node == MusterV1.Node(name: "w9", tags: ["load-2"]))
    #expect(request.updateMask?.paths == ["tags"])
  }

  @Test func aMoveChangesTheAddressOfTheSameInterface() {
    guard case .update(let request) = workload(.move).request(1), case .create(let added) = workload(.add).request(1)
    else {
      Issue.record("not an UpdateNode")
      return
    }
    var interface = added.node?.interfaces.first
    interface?.address = "dynamic"
    #expect(request.node?.interfaces.first == interface)
    #expect(request.updateMask?.paths == ["interfaces"])
  }

  @Test func whatIsReadOrRemovedIsCalledByName() {
    #expect(workload(.get).request(4) == .get(.init(name: "w4")))
    #expect(workload(.remove).request(4) == .delete(.init(name: "w4")))
  }

  @Test func anImpossibleWorkloadNamesTheOption() {
    var load = workload(.add)
    #expect(load.problem == nil)
    load.count = 0
    #expect(load.problem == "--count: write 1 to 10000000")
    (load.count, load.rate) = (1, Workload.rateMax + 1)
    #expect(load.problem == "--rate: write 1 to 1000000")
  }
}
