import Foundation
import Logging
import Provisioning
import Synchronization

@testable import Pserv

/// The values most tests begin with.
enum Sample {
  static let hall1 = DHCPSubnetID(number: 1)
  static let hall2 = DHCPSubnetID(number: 2)
  static let incarnation = [UInt8](repeating: 7, count: 16)

  static func header(
    _ id: DHCPSubnetID = hall1, prefix: IPv4Prefix = "10.1.0.0/22", pool: AddressRange? = "10.1.3.0-10.1.3.99",
    isDHCPOn: Bool = true, gateway: IPv4Address? = "10.1.0.254", relays: [IPv4Address] = []
  ) -> SubnetHeader {
    SubnetHeader(
      dhcpID: id, name: try! SubnetName("hall\(id)"), fabric: .default, prefix: prefix, vlan: nil, gateway: gateway,
      pool: pool.map { try! AddressPool([$0]) } ?? .empty, dnsServers: [], domain: nil, ntpServers: [],
      leaseSeconds: 3600, isDHCPOn: isDHCPOn, relays: relays)
  }

  static func mac(_ number: Int) -> MACAddress { try! MACAddress(bits: 0x5254_0000_0000 + UInt64(number)) }

  static func address(_ number: Int, in base: IPv4Address = "10.1.0.0") -> IPv4Address {
    IPv4Address(bits: base.bits + UInt32(number))
  }

  /// Node `number`: its MAC ends in the number, its address too unless another is given.
  static func binding(
    _ number: Int, address: IPv4Address? = nil, in id: DHCPSubnetID = hall1, profile: ProfileName = .local,
    once: BootOnce? = nil
  ) -> Binding {
    let base: IPv4Address = id == hall1 ? "10.1.0.0" : "10.2.0.0"
    return Binding(
      key: BindingKey(subnet: id, mac: mac(number)), node: NodeID(bits: UInt128(number)),
      hostname: try! NodeName("n\(number)"), address: address ?? self.address(number, in: base), bootProfile: profile,
      bootOnce: once)
  }

  /// The agent's own address in hall1.
  static let agent: IPv4Address = "10.1.2.250"

  static let links = links()

  /// eno2 reaches hall1, eno3 hall2.
  static func links(down: String...) -> RackLinks {
    let states = [("eno2", agent), ("eno3", "10.2.2.250" as IPv4Address)].map { name, address in
      LinkState(
        interface: name, isUp: !down.contains(name), addresses: [LinkAddress(address: address, prefixLength: 22)])
    }
    return RackLinks(states, fabrics: ["eno2": .default, "eno3": .default])
  }

  static func served(
    _ bindings: [Binding], header: SubnetHeader = header(), epoch: UInt64 = 1, generation: UInt64 = 1,
    answersDHCP: Bool = true
  ) -> ServedSubnet {
    ServedSubnet(
      header: header, epoch: Epoch(epoch), generation: Generation(generation), attachment: links.attachment(for: header),
      answersDHCP: answersDHCP, bindings: bindings.sorted { $0.mac < $1.mac })
  }

  static let log: Logger = {
    var log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    log.logLevel = .critical
    return log
  }()
}

/// A region's feed of one subnet, as the tests' author of deltas.
struct SampleFeed {
  private(set) var header: SubnetHeader
  private(set) var bindings: [MACAddress: Binding]
  private(set) var generation: Generation
  var epoch = Epoch(1)

  var digest: SubnetDigest

  init(header: SubnetHeader = Sample.header(), bindings: [Binding] = [], generation: Generation = .zero) {
    self.header = header
    self.bindings = Dictionary(uniqueKeysWithValues: bindings.map { ($0.mac, $0) })
    self.generation = generation
    digest = SubnetDigest(header: header, bindings: bindings)
  }

  var dhcpID: DHCPSubnetID { header.dhcpID }

  /// Changes the feed and returns the delta for an agent that has everything before.
  mutating func put(_ changed: [Binding] = [], removing removed: [MACAddress] = [], header: SubnetHeader? = nil) -> (
    FeedChunk, FeedCommit
  ) {
    let base = generation
    generation = generation.next
    for (mac, binding) in changed.map({ ($0.mac, Optional($0)) }) + removed.map({ ($0, nil) }) {
      if let old = bindings[mac] { digest.remove(RowHash(old)) }
      if let binding { digest.insert(RowHash(binding)) }
      bindings[mac] = binding
    }
    if let header {
      digest.remove(RowHash(self.header))
      digest.insert(RowHash(header))
      self.header = header
    }
    let rows =
      changed.map { FeedRow(mac: $0.mac, generation: generation, binding: $0) }
      + removed.map { FeedRow(mac: $0, generation: generation, binding: nil) }
    let carriesHeader = header != nil || base == .zero
    let chunk = FeedChunk(
      dhcpID: dhcpID, epoch: epoch, base: base, to: generation, isSnapshot: base == .zero,
      header: carriesHeader ? self.header : nil, headerGeneration: carriesHeader ? generation : .zero, rows: rows)
    return (chunk, commit)
  }

  /// Everything, for an agent that has nothing.
  var snapshot: FeedChunk {
    FeedChunk(
      dhcpID: dhcpID, epoch: epoch, base: .zero, to: generation, isSnapshot: true, header: header,
      headerGeneration: generation,
      rows: bindings.values.map { FeedRow(mac: $0.mac, generation: generation, binding: $0) })
  }

  var commit: FeedCommit {
    FeedCommit(dhcpID: dhcpID, epoch: epoch, to: generation, digest: digest, incarnation: Sample.incarnation)
  }
}

/// A directory that goes with the test.
final class Scratch: Sendable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "pserv-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func mirror() throws -> Mirror { try Mirror(path: path + "/mirror.db") }
}

/// Time that moves when it is told to.
final class ManualTime: Timekeeper {
  private struct State {
    var elapsed: Duration = .zero
    var sleepers: [Int: (Duration, CheckedContinuation<Void, any Error>)] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  var elapsed: Duration { state.withLock { $0.elapsed } }
  var wall: Timestamp { Timestamp(seconds: 1_800_000_000).advanced(bySeconds: elapsed.components.seconds) }

  func advance(_ duration: Duration) {
    let due = state.withLock { state in
      state.elapsed += duration
      let now = state.elapsed
      let due = state.sleepers.filter { $0.value.0 <= now }
      for key in due.keys { state.sleepers[key] = nil }
      return due.values.map(\.1)
    }
    for continuation in due { continuation.resume() }
  }

  var sleepers: Int { state.withLock { $0.sleepers.count } }

  func sleep(for duration: Duration) async throws {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let isCancelled = state.withLock { state in
          guard !Task.isCancelled else { return true }
          state.sleepers[id] = (state.elapsed + duration, continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.1.resume(throwing: CancellationError())
    }
  }
}
