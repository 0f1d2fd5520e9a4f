package import Provisioning

extension StoreView where Self: ~Copyable {
  package func agent(named name: AgentName) throws -> Agent? { try tables.agent(name) }

  /// The agent whose lasting credential has that SHA-256.
  package func agent(credential sha256: [UInt8]) throws -> Agent? { try tables.agent(credential: sha256) }

  /// Agents in natural order of their names.
  ///
  /// - Parameter key: `Page.next` of the piece before, or empty.
  package func agents(after key: [UInt8] = [], limit: Int) throws -> Page<Agent> {
    try tables.agents(after: key, limit: min(limit, StoreLimits.pageMax))
  }

  package func bootFiles(of agent: AgentName) throws -> [BootFile] { try tables.bootFiles(of: agent) }

  package func profile(named name: ProfileName) throws -> BootProfile? { try tables.profile(name) }

  /// All boot profiles in natural order; at most `StoreLimits.profilesMax`.
  package func profiles() throws -> [BootProfile] { try tables.profiles().sorted { $0.name < $1.name } }

  /// Counts the changes of the whole set of profiles.
  package func profilesRevision() throws -> Revision { try tables.profilesRevision() }

  /// Events after a number, oldest first.
  ///
  /// - Returns: The events that pass, and the number to go on after: that of the last event looked
  ///   at, `id` if there is none.
  package func events(
    _ filter: EventFilter = EventFilter(), after id: UInt64, limit: Int
  ) throws -> (events: [Event], next: UInt64) {
    let (events, last) = try tables.events(
      filter, after: id, limit: min(limit, StoreLimits.pageMax), scan: StoreLimits.scanMax)
    return (events, last ?? id)
  }

  /// The numbers of the oldest and newest event kept. A watcher that has read up to less than the
  /// oldest minus one has missed some.
  package func eventRange() throws -> (oldest: UInt64, newest: UInt64)? { try tables.eventRange() }

  /// What became of a request that carries an id.
  ///
  /// - Returns: The outcome, `nil` if the request is new.
  /// - Throws: `Refusal.requestIDReused` if another request had the id.
  package func outcome(ofRequest key: [UInt8], fingerprint: [UInt8]) throws -> [UInt8]? {
    guard let stored = try tables.request(key),
      stored.time.advanced(bySeconds: StoreLimits.requestsKeptSeconds) > now
    else { return nil }
    guard stored.fingerprint == fingerprint else { throw Refusal.requestIDReused }
    return stored.outcome
  }
}
