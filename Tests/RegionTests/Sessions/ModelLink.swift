import Provisioning
import RPC
import Wire

@testable import Region

/// A session, its feed and its agent on one thread: the test says what happens next.
struct ModelLink {
  var feed = ModelFeed()
  var agent = ModelAgent()
  var session: AgentSession
  /// Sent by the region, not yet received.
  var toAgent: [MusterV1.RegionMessage] = []
  var toRegion: [MusterV1.AgentMessage] = []
  /// Recorded as applied in the store: what the region believes.
  var recorded: UInt64 = 0
  var healings = 0
  var now: Int64 = 0
  private var sessions: UInt64 = 0

  static let id = DHCPSubnetID(number: 7)

  init() {
    session = Self.makeSession(agent: agent, feed: feed, number: 1)
    sessions = 1
  }

  static func makeSession(agent: ModelAgent, feed: ModelFeed, number: UInt64) -> AgentSession {
    let hello = MusterV1.Hello(
      agent: "rack1", boot: [UInt8](repeating: 9, count: 16), protocolVersion: 1, digestVersion: 1,
      have: agent.have.map { [$0] } ?? [])
    return AgentSession(
      hello: hello,
      claim: SessionClaim(agent: "rack1", epoch: SessionEpoch(number), incarnation: feed.incarnation),
      lease: .seconds(10))
  }

  /// The stream breaks and a new session begins; what was under way is lost.
  mutating func reconnect() {
    toAgent = []
    toRegion = []
    agent.disconnect()
    sessions += 1
    session = Self.makeSession(agent: agent, feed: feed, number: sessions)
    if let have = agent.have, have.epoch == feed.epoch, have.incarnation == feed.incarnation {
      recorded = max(recorded, min(have.applied, feed.head))
    }
  }

  mutating func edit(_ changes: [UInt64: UInt32]) {
    feed.edit(changes)
    session.wake([.head(Self.id)])
  }

  /// The region's writer makes one step.
  ///
  /// - Returns: False when it has to wait.
  mutating func stepRegion() -> Bool {
    switch session.nextStep(now: now) {
    case .send(let message): toAgent.append(message)
    case .loadAssignments:
      session.take(
        Assignments(owned: [.init(dhcpID: Self.id, subnet: "hall1", epoch: Epoch(feed.epoch))]))
    case .loadProfiles: session.take(MusterV1.ProfileSet())
    case .readLeases(let read): session.take(LeasePart(leases: [], next: nil), for: read)
    case .read(let read): session.take(feed.read(read), for: read, now: now)
    case .wait, .end: return false
    }
    return true
  }

  /// The agent receives one message.
  mutating func deliverToAgent() -> Bool {
    guard !toAgent.isEmpty else { return false }
    if let answer = agent.receive(toAgent.removeFirst()) { toRegion.append(answer) }
    return true
  }

  /// The region receives one message.
  mutating func deliverToRegion() throws -> Bool {
    guard !toRegion.isEmpty else { return false }
    switch try session.receive(toRegion.removeFirst(), now: now) {
    case .applied(let applied, let epoch) where epoch.number == feed.epoch: recorded = max(recorded, applied.generation)
    case .healing: healings += 1
    default: break
    }
    return true
  }

  /// Everything that can happen happens, the clock included, until nothing is left to do.
  mutating func settle() throws {
    for _ in 0..<100_000 {
      var moved = stepRegion()
      moved = deliverToAgent() || moved
      moved = try deliverToRegion() || moved
      if moved { continue }
      if agent.owesAck {
        toRegion.append(agent.apply())
        continue
      }
      if case .wait(let until?) = session.nextStep(now: now) {
        now = until
        continue
      }
      return
    }
    throw Endless()
  }

  struct Endless: Error {}
}
