import Foundation
import Provisioning
import Synchronization
import Testing

@testable import Store

/// The engines that pass the same suite. A new engine adds its case here and nothing else.
enum Engine: String, CaseIterable, CustomTestStringConvertible {
  case sqliteInMemory, sqliteFile

  var testDescription: String { rawValue }

  func open(_ world: World = World()) throws -> any RegionStore {
    switch self {
    case .sqliteInMemory: try SQLiteStore.inMemory(environment: world.environment)
    case .sqliteFile: try SQLiteStore(path: world.path, environment: world.environment)
    }
  }
}

/// A clock that moves when told, seeded randomness, and a directory that goes with the test.
final class World: Sendable {
  let directory: String
  private let time = Mutex<Int64>(1_000_000_000_000)
  private let generator: Mutex<SplitMix64>
  let isInline: Bool

  init(seed: UInt64 = 1, isInline: Bool = false) {
    directory = NSTemporaryDirectory() + "muster-store-\(UUID().uuidString)"
    generator = Mutex(SplitMix64(seed: seed))
    self.isInline = isInline
  }

  deinit {
    try? FileManager.default.removeItem(atPath: directory)
  }

  var path: String { directory + "/muster.db" }

  func advance(seconds: Int64) { time.withLock { $0 += seconds * 1_000_000_000 } }
  var now: Timestamp { time.withLock { Timestamp(nanoseconds: $0) } }

  var environment: StoreEnvironment {
    StoreEnvironment(
      now: { self.now }, random: { self.generator.withLock { $0.next() } },
      executor: isInline ? InlineStoreExecutor() : DispatchStoreExecutor(), program: "0.1.0")
  }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

let ops: Actor = Actor("ops1")

func mac(_ number: UInt64) -> MACAddress {
  do { return try MACAddress(bits: 0x5254_0000_0000 + number) } catch { preconditionFailure("\(error)") }
}

func spec(
  _ name: NodeName, _ mac: MACAddress, _ subnet: SubnetName? = "hall1", _ address: InterfaceAddress = .auto,
  tags: [Provisioning.Tag] = []
) -> NodeSpec {
  NodeSpec(
    name: name,
    interfaces: [NetworkInterface(name: "eth0", mac: mac, subnet: subnet, address: address, boot: true)], tags: tags)
}

let hall1 = SubnetSpec(
  name: "hall1", prefix: "10.1.0.0/22", gateway: "10.1.0.1", pool: ["10.1.3.0-10.1.3.99"])
let hall2 = SubnetSpec(
  name: "hall2", prefix: "10.2.0.0/22", gateway: "10.2.0.1", pool: ["10.2.3.0-10.2.3.99"])

extension RegionStore {
  /// Adds the subnets hall1 and hall2.
  func furnish() async throws {
    try await write { tx in
      _ = try tx.createSubnet(hall1, by: ops)
      _ = try tx.createSubnet(hall2, by: ops)
    }
  }

  @discardableResult
  func add(_ spec: NodeSpec, force: Bool = false) async throws -> Node {
    try await write { tx in
      let result = try tx.write(.create(spec, force: force), by: ops)
      return try #require(result.results[0].node)
    }
  }

  func node(_ name: NodeName) async throws -> Node? { try await read { try $0.node(named: name) } }

  func row(_ name: SubnetName) async throws -> SubnetRow {
    try #require(try await read { try $0.subnet(named: name) })
  }

  /// Changes a node's specification.
  @discardableResult
  func change(
    _ name: NodeName, force: Bool = false, _ edit: @escaping @Sendable (inout NodeSpec) -> Void
  ) async throws -> NodeBatchResult {
    try await write { tx in
      let node = try #require(try tx.node(named: name))
      var spec = node.spec
      edit(&spec)
      return try tx.write(.replace(node.id, with: spec, force: force), by: ops)
    }
  }

  func remove(_ name: NodeName) async throws {
    try await write { tx in
      let node = try #require(try tx.node(named: name))
      _ = try tx.write(.remove(node.id), by: ops)
    }
  }

  /// Makes `agent` an enrolled owner of the subnet with a session.
  func serve(_ subnet: SubnetName, by agent: AgentName) async throws -> (SessionEpoch, Epoch) {
    try await write { tx in
      if try tx.agent(named: agent) == nil {
        _ = try tx.createAgent(agent, token: [1], tokenExpires: tx.now.advanced(bySeconds: 60))
        _ = try tx.enroll(agent, token: [1], attempt: [2], credential: Array(agent.text.utf8))
      }
      let claim = try tx.claimSession(
        of: agent, boot: BootID(bits: 7), links: [], version: "0.1.0", protocolVersion: 1)
      let row = try #require(try tx.subnet(named: subnet))
      return (claim.session, try tx.assign(row.subnet.dhcpID, to: agent))
    }
  }

  /// Has the owner acknowledge the head.
  @discardableResult
  func acknowledge(
    _ subnet: SubnetName, by agent: AgentName, _ session: SessionEpoch, _ epoch: Epoch, left: [LeaseLeft]? = []
  ) async throws -> AppliedOutcome {
    try await write { tx in
      let row = try #require(try tx.subnet(named: subnet))
      return try tx.recordApplied(
        AppliedReport(
          agent: agent, session: session, subnet: row.subnet.dhcpID, epoch: epoch, generation: row.progress.head,
          digest: row.progress.digest, leasesLeft: left))
    }
  }
}

/// The problems with which `body` is refused.
func problems(_ body: () async throws -> some Sendable) async -> [FieldProblem] {
  do {
    _ = try await body()
    return []
  } catch Refusal.invalid(let problems) {
    return problems
  } catch let refused as BatchRefused {
    return refused.problems
  } catch {
    Issue.record("not a refusal of fields: \(error)")
    return []
  }
}

/// A value that several tasks of a test change.
final class Locked<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }

  func withLock<Result: Sendable>(_ body: (inout sending Value) -> sending Result) -> Result { value.withLock(body) }
}
