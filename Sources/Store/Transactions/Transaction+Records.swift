package import Provisioning

extension Transaction {
  /// Adds a boot profile.
  ///
  /// - Throws: `Refusal.profileExists`, `Refusal.limitReached`.
  package mutating func createProfile(_ spec: BootProfileSpec, by actor: Actor) throws -> BootProfile {
    guard try tables.profile(spec.name) == nil else { throw Refusal.profileExists(spec.name) }
    guard try tables.profiles().count < StoreLimits.profilesMax else {
      throw Refusal.limitReached(what: "boot profiles", max: StoreLimits.profilesMax)
    }
    let profile = BootProfile(
      id: identifier(), spec: spec, revision: Revision(1), feedRevision: try advanceProfiles(), updated: now,
      updatedBy: actor)
    try tables.insertProfile(profile)
    return profile
  }

  /// Replaces what an operator decided about a profile; the name stays. Nodes that use it are not
  /// touched.
  package mutating func replaceProfile(
    _ name: ProfileName, with spec: BootProfileSpec, ifRevision: Revision? = nil, by actor: Actor
  ) throws -> (outcome: WriteOutcome, profile: BootProfile) {
    guard var profile = try tables.profile(name) else { throw Refusal.unknownProfile(name.text) }
    try checkRevision(profile, ifRevision)
    if spec.name != name {
      throw Refusal.invalid([
        FieldProblem(
          field: "name", value: "\(spec.name)", code: .immutable, message: "cannot replace \(name)",
          fix: "add another profile")
      ])
    }
    guard spec != profile.spec else { return (.unchanged, profile) }
    profile.spec = spec
    profile.revision = profile.revision.next
    profile.feedRevision = try advanceProfiles()
    profile.updated = max(now, profile.updated)
    profile.updatedBy = actor
    try tables.updateProfile(profile)
    return (.updated, profile)
  }

  /// Removes a profile that no node uses.
  ///
  /// - Throws: `Refusal.profileIsBuiltIn`, `Refusal.profileInUse`.
  package mutating func removeProfile(_ name: ProfileName, ifRevision: Revision? = nil) throws -> BootProfile {
    guard let profile = try tables.profile(name) else { throw Refusal.unknownProfile(name.text) }
    try checkRevision(profile, ifRevision)
    if name.isBuiltIn { throw Refusal.profileIsBuiltIn(name) }
    if let node = try tables.node(using: name) { throw Refusal.profileInUse(name, by: node) }
    try tables.deleteProfile(name)
    _ = try advanceProfiles()
    return profile
  }

  private mutating func advanceProfiles() throws -> Revision {
    let revision = try tables.profilesRevision().next
    try tables.setProfilesRevision(revision)
    notice.profiles = true
    return revision
  }

  private func checkRevision(_ profile: BootProfile, _ read: Revision?) throws {
    guard let read, read != profile.revision else { return }
    throw Refusal.stale(
      what: "boot profile \(profile.name)", read: read, now: profile.revision, by: profile.updatedBy,
      at: profile.updated)
  }

  /// Records an event at this transaction's time.
  package mutating func record(_ event: Event) throws {
    var event = event
    event.time = now
    event.id = try tables.appendEvent(event)
    notice.events = true
  }

  /// Notes a lease as seen by the subnet's owner; one that ended is remembered for a while.
  package func observe(_ lease: ObservedLease) throws { try tables.putLease(lease) }

  /// Forgets a lease that was released or deleted.
  package func forgetLease(_ place: SubnetAddress) throws { try tables.deleteLease(place) }

  /// Remembers what became of a request, for its repeats.
  package func remember(_ outcome: [UInt8], ofRequest key: [UInt8], fingerprint: [UInt8]) throws {
    guard outcome.count <= StoreLimits.outcomeOctetsMax else {
      throw Refusal.limitReached(what: "octets of a request's outcome", max: StoreLimits.outcomeOctetsMax)
    }
    try tables.putRequest(StoredRequest(key: key, time: now, fingerprint: fingerprint, outcome: outcome))
  }

  /// Deletes what is too old or too much, a bounded piece at a time. Call it now and then.
  ///
  /// - Returns: True if there is more to delete.
  package mutating func trim(eventsKeptSeconds: Int64 = StoreLimits.eventsKeptSeconds) throws -> Bool {
    var isMore = false
    let eventsEnd = now.advanced(bySeconds: -eventsKeptSeconds)
    if let (oldest, newest) = try tables.eventRange() {
      let excess = newest &- min(newest, StoreLimits.eventsMax)
      let deleted = try tables.deleteEvents(
        through: max(excess, oldest &- 1), orBefore: eventsEnd, limit: StoreLimits.trimMax)
      isMore = deleted == StoreLimits.trimMax
    }
    let requestsEnd =
      try tables.requestCount() > StoreLimits.requestsMax
      ? now : now.advanced(bySeconds: -StoreLimits.requestsKeptSeconds)
    if try tables.deleteRequests(before: requestsEnd, limit: StoreLimits.trimMax) == StoreLimits.trimMax {
      isMore = true
    }
    let leasesEnd = leaseNow.advanced(bySeconds: -StoreLimits.endedLeasesKeptSeconds)
    if try tables.deleteLeases(endedBefore: leasesEnd, limit: StoreLimits.trimMax) == StoreLimits.trimMax {
      isMore = true
    }
    if try tables.deleteFormerLeases(endedBefore: leaseNow, limit: StoreLimits.trimMax) == StoreLimits.trimMax {
      isMore = true
    }
    let holds = try tables.releasedHolds(at: leaseNow, limit: StoreLimits.trimMax)
    for hold in holds {
      guard var row = try tables.subnet(hold.place.subnet) else { continue }
      try release(hold, &row)
      try tables.updateProgress(row)
    }
    return isMore || holds.count == StoreLimits.trimMax
  }
}
