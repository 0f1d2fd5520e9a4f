import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// A rack with a daemon in memory.
final class ApplyBench: Sendable {
  let scratch = Scratch()
  let time = ManualTime()
  let dhcp = MemoryDHCP()
  let view = AppliedView()
  private let current: Mutex<Mirror>
  private let feeds: Mutex<[DHCPSubnetID: SampleFeed]>

  init(_ headers: [SubnetHeader] = [Sample.header()]) throws {
    let mirror = try scratch.mirror()
    current = Mutex(mirror)
    feeds = Mutex(Dictionary(uniqueKeysWithValues: headers.map { ($0.dhcpID, SampleFeed(header: $0)) }))
    for header in headers { #expect(try mirror.assign(header.dhcpID, name: header.name, epoch: Epoch(1))) }
  }

  var mirror: Mirror { current.withLock { $0 } }

  /// A fresh applier on a mirror that was read again, as after a restart of the agent.
  func applier() throws -> Applier {
    let mirror = try scratch.mirror()
    current.withLock { $0 = mirror }
    return Applier(mirror: mirror, backend: dhcp, view: view, time: time, log: Sample.log)
  }

  func put(
    _ bindings: [Binding] = [], removing: [MACAddress] = [], header: SubnetHeader? = nil, in id: DHCPSubnetID = Sample.hall1
  ) throws {
    let (chunk, commit) = feeds.withLock { $0[id]!.put(bindings, removing: removing, header: header) }
    try mirror.stage(chunk)
    #expect(try mirror.commit(commit) == nil)
  }

  func applied(_ id: DHCPSubnetID = Sample.hall1) throws -> AppliedSubnet? {
    try scratch.mirror().content.subnets[id]?.applied
  }

  var served: [MACAddress: IPv4Address] {
    var served: [MACAddress: IPv4Address] = [:]
    for binding in dhcp.snapshot.loaded?.answering.flatMap(\.bindings) ?? [] { served[binding.mac] = binding.address }
    return served
  }
}
