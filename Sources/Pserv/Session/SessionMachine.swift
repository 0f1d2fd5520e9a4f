package import Provisioning
package import Wire

/// One session with the region as a value: what was agreed, what is due, what a message means. It knows no clock, disk or
/// stream; `SessionClient` tells it what happened and carries out what it answers.
package struct SessionMachine: Sendable {
  /// What is to be done with what the region said.
  package enum Action: Sendable, Hashable {
    case welcomed(SessionEpoch)
    case assign(DHCPSubnetID, SubnetName, Epoch, leasesFollow: Bool)
    /// A part of the former owner's leases, one an address.
    case leases(DHCPSubnetID, Epoch, [Lease], isLast: Bool)
    case revoke(DHCPSubnetID, Epoch)
    case stage(FeedChunk)
    /// A part of the subnet's delta could not be understood.
    case broken(DHCPSubnetID, words: String)
    case commit(FeedCommit)
    case profiles(BootProfiles)
    case acknowledged(sequence: UInt64, enlistments: [[UInt8]])
  }

  /// Why the agent ends a session itself.
  package enum End: Error, Sendable, Hashable, CustomStringConvertible {
    case noWelcome
    case silent(Duration)
    case protocolVersion(UInt32)
    case unexpected(String)

    package var description: String {
      switch self {
      case .noWelcome: "the region accepted the stream and did not answer Hello"
      case .silent(let duration): "the region acknowledged no Renew for \(duration)"
      case .protocolVersion(let version): "the region speaks session protocol \(version), this agent speaks 1"
      case .unexpected(let words): words
      }
    }
  }

  package static let protocolVersion: UInt32 = 1
  /// From Hello to Welcome; a region that starts admits agents a few at a time.
  package static let welcomeWithin: Duration = .seconds(30)
  /// Renewals that may go unacknowledged before the session is given up. The channel's keepalive is faster; this is for
  /// a region that is there and does not do its work.
  package static let renewalsMissedMax = 3
  /// What a region may ask for.
  package static let renewalRange: ClosedRange<Duration> = .milliseconds(200) ... .seconds(300)

  private enum Phase: Sendable, Hashable {
    case greeting(since: Duration)
    case live(Live)
  }

  private struct Live: Sendable, Hashable {
    var epoch: SessionEpoch
    var renewal: Duration
    var nextRenewal: Duration
    var lastAcknowledged: Duration
  }

  private var phase: Phase
  /// The subnets assigned in this session.
  package private(set) var assigned: [DHCPSubnetID: Epoch] = [:]

  package init(now: Duration) {
    phase = .greeting(since: now)
  }

  package var sessionEpoch: SessionEpoch? {
    if case .live(let live) = phase { live.epoch } else { nil }
  }

  package var isLive: Bool { sessionEpoch != nil }

  /// When `tick` is due next.
  package var deadline: Duration {
    switch phase {
    case .greeting(let since): since + Self.welcomeWithin
    case .live(let live): live.nextRenewal
    }
  }

  /// Whether a Renew is due; the caller sends one when true.
  package mutating func tick(now: Duration) throws(End) -> Bool {
    switch phase {
    case .greeting(let since):
      guard now < since + Self.welcomeWithin else { throw .noWelcome }
      return false
    case .live(var live):
      guard now >= live.nextRenewal else { return false }
      let silence = now - live.lastAcknowledged
      guard silence <= live.renewal * (Self.renewalsMissedMax + 1) else { throw .silent(silence) }
      live.nextRenewal = now + live.renewal
      phase = .live(live)
      return true
    }
  }

  /// A Renew goes out now, whatever the timetable says: the links changed.
  package mutating func renewNow(now: Duration) {
    guard case .live(var live) = phase else { return }
    live.nextRenewal = now
    phase = .live(live)
  }

  package mutating func receive(_ message: MusterV1.RegionMessage, now: Duration) throws(End) -> Action? {
    guard case .live(var live) = phase else {
      guard case .welcome(let welcome)? = message.message else {
        throw .unexpected("the region's first message is not Welcome")
      }
      return try begin(welcome, now: now)
    }
    switch message.message {
    case nil, .taskOffer:
      // A newer region's message. This agent carries out no tasks, and says so by not answering.
      return nil
    case .welcome:
      throw .unexpected("a second Welcome")
    case .renewAck:
      live.lastAcknowledged = now
      phase = .live(live)
      return nil
    case .assign(let assign):
      return take(assign)
    case .revoke(let revoke):
      let id = DHCPSubnetID(number: revoke.dhcpId)
      assigned[id] = nil
      return .revoke(id, Epoch(revoke.epoch))
    case .chunk(let chunk):
      do { return .stage(try FeedChunk(chunk)) } catch {
        return .broken(DHCPSubnetID(number: chunk.dhcpId), words: "\(error)")
      }
    case .commit(let commit):
      do { return .commit(try FeedCommit(commit)) } catch {
        return .broken(DHCPSubnetID(number: commit.dhcpId), words: "\(error)")
      }
    case .leaseSet(let set):
      return try take(set)
    case .observedAck(let ack):
      return .acknowledged(sequence: ack.sequence, enlistments: ack.enlistmentIds)
    case .profileSet(let set):
      do { return .profiles(try BootProfiles(set)) } catch { throw .unexpected("boot profiles: \(error)") }
    }
  }

  private mutating func begin(_ welcome: MusterV1.Welcome, now: Duration) throws(End) -> Action {
    guard welcome.protocolVersion <= Self.protocolVersion else { throw .protocolVersion(welcome.protocolVersion) }
    let wanted = Duration.nanoseconds(welcome.renewNs)
    let renewal = min(max(wanted, Self.renewalRange.lowerBound), Self.renewalRange.upperBound)
    let epoch = SessionEpoch(welcome.sessionEpoch)
    phase = .live(Live(epoch: epoch, renewal: renewal, nextRenewal: now, lastAcknowledged: now))
    return .welcomed(epoch)
  }

  private func take(_ set: MusterV1.LeaseSet) throws(End) -> Action {
    let id = DHCPSubnetID(number: set.dhcpId)
    do {
      return .leases(id, Epoch(set.epoch), try set.leases.map { try Lease($0, subnet: id) }, isLast: set.last)
    } catch {
      throw .unexpected("leases of subnet \(id): \(error)")
    }
  }

  private mutating func take(_ assign: MusterV1.Assign) -> Action {
    let id = DHCPSubnetID(number: assign.dhcpId)
    do {
      let name = try SubnetName(assign.subnet)
      assigned[id] = Epoch(assign.epoch)
      return .assign(id, name, Epoch(assign.epoch), leasesFollow: assign.leasesFollow)
    } catch {
      return .broken(id, words: "the subnet's name is \(error)")
    }
  }
}
