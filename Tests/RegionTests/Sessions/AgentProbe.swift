import Provisioning
import Synchronization
import Wire

@testable import Region

/// What an agent remembers from one session to the next.
final class AgentMemory: Sendable {
  struct Subnet {
    var epoch = Epoch.zero
    var isOwned = false
    var header: SubnetHeader?
    var rows: [MACAddress: Binding] = [:]
    var generation = Generation.zero
    var applied = Generation.zero
    var incarnation: [UInt8] = []

    var digest: SubnetDigest {
      guard let header else { return .zero }
      return SubnetDigest(header: header, bindings: rows.values)
    }
  }

  let boot: [UInt8]
  let links: [MusterV1.Link]
  let subnets = Mutex<[DHCPSubnetID: Subnet]>([:])

  init(boot: UInt8 = 1, links: [MusterV1.Link] = []) {
    self.boot = .init(repeating: boot, count: 16)
    self.links = links
  }

  subscript(_ id: DHCPSubnetID) -> Subnet? {
    get { subnets.withLock { $0[id] } }
    set { subnets.withLock { $0[id] = newValue } }
  }

  var haves: [MusterV1.Have] {
    subnets.withLock { subnets in
      subnets.sorted { $0.key < $1.key }.map { id, subnet in
        MusterV1.Have(
          dhcpId: id.number, incarnation: subnet.incarnation, epoch: subnet.epoch.number,
          generation: subnet.generation.number, applied: subnet.applied.number, digest: subnet.digest.octets)
      }
    }
  }
}

/// The agent's side of one session: answers what can be answered by rule, and lets a test look and speak.
final class AgentProbe: Sendable {
  struct Seen {
    var messages: [MusterV1.RegionMessage.OneOfMessage] = []
    var staged: [DHCPSubnetID: [MusterV1.Chunk]] = [:]
    var deltas = 0
    var snapshots = 0
    var isOver = false
  }

  let memory: AgentMemory
  let outgoing: AsyncStream<MusterV1.AgentMessage>
  private let sending: AsyncStream<MusterV1.AgentMessage>.Continuation
  private let seen = Mutex(Seen())
  private let signal = WakeSignal<Topic>()
  private let acknowledges: Bool

  init(memory: AgentMemory, name: String, acknowledges: Bool) {
    self.memory = memory
    self.acknowledges = acknowledges
    (outgoing, sending) = AsyncStream.makeStream()
    send(
      .hello(
        MusterV1.Hello(
          agent: name, boot: memory.boot, protocolVersion: 1, digestVersion: 1, version: "1", links: memory.links,
          have: memory.haves)))
  }

  /// What the region said of the leases in a subnet, and whether that was all.
  func leases(of id: DHCPSubnetID) -> (addresses: [UInt32], isComplete: Bool) {
    let sets = snapshot.messages.compactMap { message -> MusterV1.LeaseSet? in
      if case .leaseSet(let set) = message, set.dhcpId == id.number { set } else { nil }
    }
    return (sets.flatMap(\.leases).map(\.address), sets.last?.last == true)
  }

  func send(_ message: MusterV1.AgentMessage.OneOfMessage) {
    sending.yield(MusterV1.AgentMessage(message: message))
  }

  func hangUp() { sending.finish() }

  func end() {
    seen.withLock { $0.isOver = true }
    signal.raise(.session)
  }

  var snapshot: Seen { seen.withLock { $0 } }

  /// Waits until the test's condition holds; ends early when the session does.
  func wait(until isReached: @Sendable (Seen, AgentMemory) -> Bool) async throws {
    while !isReached(snapshot, memory), !snapshot.isOver { _ = try await signal.next() }
  }

  func wait(until id: DHCPSubnetID, has generation: Generation) async throws {
    try await wait { _, memory in (memory[id]?.generation ?? .zero) >= generation }
  }

  func waitForEnd() async throws {
    while !snapshot.isOver { _ = try await signal.next() }
  }

  func receive(_ message: MusterV1.RegionMessage) {
    guard let content = message.message else { return }
    seen.withLock { $0.messages.append(content) }
    switch content {
    case .assign(let assign):
      let id = DHCPSubnetID(number: assign.dhcpId)
      var subnet = memory[id] ?? AgentMemory.Subnet()
      if assign.epoch >= subnet.epoch.number {
        (subnet.epoch, subnet.isOwned) = (Epoch(assign.epoch), true)
        memory[id] = subnet
      }
    case .revoke(let revoke):
      memory[DHCPSubnetID(number: revoke.dhcpId)]?.epoch = Epoch(revoke.epoch)
      memory[DHCPSubnetID(number: revoke.dhcpId)]?.isOwned = false
      if acknowledges { release(DHCPSubnetID(number: revoke.dhcpId), Epoch(revoke.epoch)) }
    case .chunk(let chunk):
      seen.withLock { $0.staged[DHCPSubnetID(number: chunk.dhcpId), default: []].append(chunk) }
    case .commit(let commit):
      take(commit)
    default:
      break
    }
    signal.raise(.session)
  }

  /// Says that the agent stopped answering for the subnet.
  func release(_ id: DHCPSubnetID, _ epoch: Epoch) {
    send(.applied(MusterV1.Applied(dhcpId: id.number, epoch: epoch.number, digest: .init(repeating: 0, count: 16), revoked: true)))
  }

  /// Says that the agent serves what it has.
  func apply(_ id: DHCPSubnetID, rejected: [MusterV1.Rejection] = []) {
    guard var subnet = memory[id] else { return }
    subnet.applied = subnet.generation
    memory[id] = subnet
    send(
      .applied(
        MusterV1.Applied(
          dhcpId: id.number, epoch: subnet.epoch.number, generation: subnet.generation.number,
          digest: subnet.digest.octets, rejected: rejected, probe: "probe ok")))
  }

  private func take(_ commit: MusterV1.Commit) {
    let id = DHCPSubnetID(number: commit.dhcpId)
    let chunks = seen.withLock { $0.staged.removeValue(forKey: id) ?? [] }
    var next = memory[id] ?? AgentMemory.Subnet()
    do {
      guard let first = chunks.first, first.snapshot || first.base == next.generation.number else {
        return refuse(.gap, id)
      }
      if first.snapshot { (next.rows, next.header) = ([:], nil) }
      for chunk in chunks {
        if let header = chunk.header { next.header = try SubnetHeader(header, dhcpID: id) }
        for row in chunk.upserts {
          let row = try FeedRow(row, subnet: id)
          next.rows[row.mac] = row.binding
        }
        for row in chunk.tombstones { next.rows[try MACAddress(bits: row.mac)] = nil }
      }
    } catch {
      return refuse(.gap, id)
    }
    guard next.digest.octets == commit.digest else { return refuse(.digest, id) }
    next.generation = Generation(commit.to)
    next.incarnation = commit.incarnation
    memory[id] = next
    let isSnapshot = chunks.first?.snapshot == true
    seen.withLock { seen in
      seen.deltas += 1
      seen.snapshots += isSnapshot ? 1 : 0
    }
    if acknowledges { apply(id) }
  }

  private func refuse(_ reason: MusterV1.RefusalReason, _ id: DHCPSubnetID) {
    send(.refused(MusterV1.Refused(reason: reason, have: MusterV1.Have(dhcpId: id.number))))
  }
}
