package import Provisioning
internal import RPC
internal import Synchronization
package import Wire

/// Which agents are there. It lives in memory: a restarted region learns it anew from the agents' Hello, and waits a
/// grace before it calls anybody offline. What agents say of their files, and what is
/// decided by their links, is in the store (`agent(named:)`, `bootFiles(of:)`).
package final class SessionRegistry: Sendable {
  /// An agent as its newest session shows it.
  package struct Presence: Sendable, Hashable {
    package var session: SessionEpoch
    /// A stream is open. An agent between two streams is still online for a while.
    package var isConnected: Bool
    package var isOnline: Bool
    package var lastSeen: Timestamp
    /// As the agent said them, with prefix lengths; for display.
    package var links: [MusterV1.Link]
    package var warnings: [String]
  }

  /// A running session, to reach it from outside.
  struct Handle: Sendable {
    var session: SessionEpoch
    var boot: BootID
    /// Ends the session with this status.
    var end: @Sendable (RPCError) -> Void
  }

  private struct Entry {
    var presence: Presence
    var handle: Handle?
    var heardUptime: Int64
    /// When the store was last told that the agent lives.
    var storedUptime: Int64
    var displacedBoots: [BootID] = []
  }

  private struct State {
    var entries: [AgentName: Entry] = [:]
  }

  private let state = Mutex(State())

  /// What the owners' probes said after their newest applies; for display, so it may be gone after a restart.
  private let probes = Mutex<[DHCPSubnetID: String]>([:])

  package func probe(of subnet: DHCPSubnetID) -> String? {
    probes.withLock { $0[subnet] }
  }

  func setProbe(_ words: String, of subnet: DHCPSubnetID) {
    probes.withLock { $0[subnet] = printable(words, octetsMax: Self.probeOctetsMax) }
  }

  /// Octets of a probe's words that are kept.
  static let probeOctetsMax = 128

  /// Where agents keep their boot files, as they said; for display, so it may be gone after a restart.
  private let bootRoots = Mutex<[AgentName: String]>([:])

  /// Nil when the agent has not said.
  package func bootRoot(of agent: AgentName) -> String? {
    bootRoots.withLock { $0[agent] }
  }

  func setBootRoot(_ path: String, of agent: AgentName) {
    bootRoots.withLock { $0[agent] = path.isEmpty ? nil : printable(path, octetsMax: Self.bootRootOctetsMax) }
  }

  /// Octets of a boot root that are kept.
  static let bootRootOctetsMax = 1_024

  /// Boots of one agent that were displaced and are remembered, so that none of them comes back.
  package static let displacedBootsMax = 8
  /// How old the stored time of an agent's last word may be, nanoseconds: a Renew is no write.
  static let storedAgeMax: Int64 = 60_000_000_000

  package init() {}

  // MARK: Reading

  package func presence(of agent: AgentName) -> Presence? {
    state.withLock { $0.entries[agent]?.presence }
  }

  package func isOnline(_ agent: AgentName) -> Bool {
    presence(of: agent)?.isOnline ?? false
  }

  /// Agents that are online now, in natural order.
  package func onlineAgents() -> [AgentName] {
    state.withLock { state in state.entries.filter { $0.value.presence.isOnline }.keys.sorted() }
  }

  /// How many agents are online, and how many of them have a stream open.
  func count() -> (online: Int, connected: Int) {
    state.withLock { state in
      state.entries.values.reduce(into: (0, 0)) { counts, entry in
        counts.0 += entry.presence.isOnline ? 1 : 0
        counts.1 += entry.presence.isConnected ? 1 : 0
      }
    }
  }

  // MARK: Sessions

  /// Whether this start of the agent's process was displaced by another and must not come back.
  func isDisplaced(_ boot: BootID, of agent: AgentName) -> Bool {
    state.withLock { $0.entries[agent]?.displacedBoots.contains(boot) ?? false }
  }

  /// What attaching a session found.
  struct Attachment: Sendable, Hashable {
    /// It was not online before.
    var cameOnline: Bool
    /// A stream of another boot was open and alive: two machines may use one identity.
    var displacedOtherBoot: Bool
  }

  /// Makes `handle` the agent's session; one that was there is displaced.
  ///
  /// - Returns: Nil when a newer session is attached already: two were claimed at about the same time.
  func attach(
    _ handle: Handle, agent: AgentName, links: [MusterV1.Link], now: Timestamp, uptime: Int64
  ) -> Attachment? {
    let (attachment, displaced) = state.withLock { state -> (Attachment?, Handle?) in
      let old = state.entries[agent]
      if let old, old.handle != nil, old.presence.session > handle.session { return (nil, nil) }
      var boots = old?.displacedBoots ?? []
      let isOtherBoot = old?.handle.map { $0.boot != handle.boot } ?? false
      if isOtherBoot, let boot = old?.handle?.boot {
        boots = boots.suffix(Self.displacedBootsMax - 1) + [boot]
      }
      state.entries[agent] = Entry(
        presence: Presence(
          session: handle.session, isConnected: true, isOnline: true, lastSeen: now, links: links, warnings: []),
        handle: handle, heardUptime: uptime, storedUptime: uptime, displacedBoots: boots)
      return (
        Attachment(cameOnline: old?.presence.isOnline != true, displacedOtherBoot: isOtherBoot), old?.handle
      )
    }
    if let attachment { displaced?.end(attachment.displacedOtherBoot ? .displaced(agent) : .replaced(agent)) }
    return attachment
  }

  /// The session's stream is closed. The agent stays online until it has been silent for long enough.
  func detach(_ session: SessionEpoch, of agent: AgentName) {
    state.withLock { state in
      guard state.entries[agent]?.handle?.session == session else { return }
      state.entries[agent]?.handle = nil
      state.entries[agent]?.presence.isConnected = false
    }
  }

  /// The agent spoke in this session.
  ///
  /// - Returns: False when the session is not the agent's newest, so that nothing it says counts.
  func heard(_ session: SessionEpoch, of agent: AgentName, now: Timestamp, uptime: Int64) -> Bool {
    state.withLock { state in
      guard state.entries[agent]?.presence.session == session else { return false }
      state.entries[agent]?.presence.lastSeen = now
      state.entries[agent]?.heardUptime = uptime
      return true
    }
  }

  /// What the agent says of itself with a Renew.
  ///
  /// - Parameter links: Nil leaves them.
  /// - Returns: Whether it is worth a write: something changed, or the stored time of its last word has grown old.
  func describe(_ agent: AgentName, links: [MusterV1.Link]?, warnings: [String], uptime: Int64) -> Bool {
    state.withLock { state in
      guard var entry = state.entries[agent] else { return false }
      let isNews = links != nil || warnings != entry.presence.warnings
      guard isNews || uptime - entry.storedUptime >= Self.storedAgeMax else { return false }
      if let links { entry.presence.links = links }
      entry.presence.warnings = warnings
      entry.storedUptime = uptime
      state.entries[agent] = entry
      return true
    }
  }

  // MARK: Time

  /// Known agents after a start of the region: nobody has been heard, and nobody is offline before the grace is over.
  func restore(_ agents: [(name: AgentName, session: SessionEpoch, lastSeen: Timestamp)], uptime: Int64) {
    state.withLock { state in
      for agent in agents where state.entries[agent.name] == nil {
        state.entries[agent.name] = Entry(
          presence: Presence(
            session: agent.session, isConnected: false, isOnline: true, lastSeen: agent.lastSeen,
            links: [], warnings: []),
          heardUptime: uptime, storedUptime: uptime)
      }
    }
  }

  /// Agents that were silent for longer than `limit` and are offline from now on.
  func expire(uptime: Int64, limit: Int64) -> [AgentName] {
    let (names, handles) = state.withLock { state -> ([AgentName], [Handle]) in
      let silent = state.entries.filter { $0.value.presence.isOnline && uptime - $0.value.heardUptime > limit }
        .sorted { $0.key < $1.key }
      for (name, _) in silent { state.entries[name]?.presence.isOnline = false }
      return (silent.map(\.key), silent.compactMap(\.value.handle))
    }
    // A stream that carries nothing for so long is dead at one end; the agent comes back on a new one.
    for handle in handles { handle.end(RPCError(.unavailable, "no Renew for too long")) }
    return names
  }

  /// Ends the agent's session and forgets the agent.
  func remove(_ agent: AgentName) {
    let handle = state.withLock { $0.entries.removeValue(forKey: agent)?.handle }
    setBootRoot("", of: agent)
    handle?.end(RPCError(.unauthenticated, "agent \(agent) was removed or got a new token; enrol again"))
  }
}

extension RPCError {
  /// Another machine, or another start of the process, uses the agent's identity now. Fatal to the agent: it stops
  /// writing and stays away until somebody looks (the word is part of the session protocol).
  static func displaced(_ agent: AgentName) -> RPCError {
    ErrorDetails(reason: "AGENT_DISPLACED", metadata: ["agent": agent.text]).error(
      .failedPrecondition, "AGENT_DISPLACED: another machine uses the identity of agent \(agent). Stop one of the two")
  }

  /// The same process opened a newer session.
  static func replaced(_ agent: AgentName) -> RPCError {
    RPCError(.aborted, "a newer session of agent \(agent) took over")
  }
}
