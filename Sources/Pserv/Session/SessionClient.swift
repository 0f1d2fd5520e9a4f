internal import Logging
internal import Provisioning
internal import RPC
internal import Synchronization
internal import Wire

/// Keeps one session with the region for as long as the agent runs: tries its addresses in turn, waits with jitter
/// between attempts, and stops for good when another machine took over this agent's identity.
struct SessionClient: Sendable {
  let rack: Rack
  let regions: [RegionEndpoint]
  let enrolment: Enrolment
  /// Of this start of the process, 16 octets.
  let boot: [UInt8]
  let version: String
  let onDisplaced: @Sendable () -> Void

  /// A session of this length was a success: the next wait is short again.
  static let steadyAfter: Duration = .seconds(10)

  /// Enlistments that the region put off are offered again after this.
  static let offerAgain: Duration = .seconds(10)

  /// Subnets of one Hello, as session.proto says; the region sends the rows of others anew.
  static let havesMax = 10_000

  private var log: Logger { rack.log }
  private var time: any Timekeeper { rack.time }

  /// Ends by cancellation.
  func run() async throws {
    var backoff = Backoff()
    var attempt = 0
    var isRefused = false
    while !regions.isEmpty, !rack.mirror.content.identity.isDisplaced {
      let region = regions[attempt % regions.count]
      attempt += 1
      let began = time.elapsed
      let end = await oneSession(with: region, isRefused: isRefused)
      try Task.checkCancellation()
      if time.elapsed - began >= Self.steadyAfter { backoff.reset() }
      switch end {
      case .again(let reason):
        isRefused = false
        rack.change { $0.region = .lost(region.name, reason: reason) }
        log.notice("no session with the region", metadata: ["region": "\(region.name)", "reason": "\(reason)"])
      case .unauthenticated(let reason):
        isRefused = true
        rack.change { $0.region = .lost(region.name, reason: reason) }
        log.error("the region refuses this agent", metadata: ["region": "\(region.name)", "reason": "\(reason)"])
      case .displaced(let reason):
        try displaced(reason)
      }
      try await time.sleep(for: backoff.next(random: rack.random()))
    }
    if rack.mirror.content.identity.isDisplaced { try displaced("an earlier start of this agent was displaced") }
    while true { try await time.sleep(for: .seconds(3600)) }
  }

  private func displaced(_ reason: String) throws {
    onDisplaced()
    rack.change { $0.region = .displaced }
    var identity = rack.mirror.content.identity
    identity.isDisplaced = true
    try rack.mirror.storeIdentity(identity)
    log.critical(
      "another machine has this agent's identity; nothing is changed here any more. Stop one of the two, then start this one with --reclaim",
      metadata: ["reason": "\(reason)"])
  }

  private func oneSession(with region: RegionEndpoint, isRefused: Bool) async -> SessionEnd {
    let ending = Mutex<SessionMachine.End?>(nil)
    do {
      let credential = try await enrolment.credential(at: region, isRefused: isRefused)
      defer { close() }
      open()
      var options = CallOptions()
      options.metadata.add("Bearer \(credential)", for: "authorization")
      let client = MusterV1.AgentSessionServiceClient(channel: region.channel)
      try await client.session(
        options: options,
        requests: { writer in
          do { try await write(writer) } catch let end as SessionMachine.End {
            ending.withLock { $0 = end }
            throw end
          }
        },
        onResponses: { responses in try await read(responses, of: region) })
      return .again("the region closed the session")
    } catch {
      if let end = ending.withLock({ $0 }) { return .again("\(end)") }
      return SessionEnd(error)
    }
  }

  private func open() {
    rack.change { state in
      state.session = SessionMachine(now: time.elapsed)
      state.outbox.beginSession()
      (state.enlistmentsUnderWay, state.enlistmentsAgain) = ([], nil)
      state.handed = [:]
    }
  }

  private func close() {
    rack.mirror.dropStaged()
    rack.change { state in
      state.session = nil
      state.handed = [:]
    }
  }

  // MARK: Writing

  private func write(_ writer: RequestWriter<MusterV1.AgentMessage>) async throws {
    try await writer.write(MusterV1.AgentMessage(message: .hello(hello())))
    while !Task.isCancelled {
      let (message, deadline) = try next()
      if let message {
        try await writer.write(MusterV1.AgentMessage(message: message))
      } else {
        await rack.sayable.wait(atMost: deadline - time.elapsed, time)
      }
    }
  }

  private func hello() -> MusterV1.Hello {
    let content = rack.mirror.content
    var room = RejectionRoom()
    var hello = MusterV1.Hello()
    hello.agent = rack.name.text
    hello.boot = boot
    hello.protocolVersion = SessionMachine.protocolVersion
    hello.digestVersion = SubnetDigest.version
    hello.version = version
    hello.profilesRevision = content.profiles.revision
    hello.have = content.ordered.filter { $0.isOwned || $0.received.header != nil || $0.applied != nil }
      .prefix(Self.havesMax).map { MusterV1.Have($0, room: &room) }
    rack.change { state in
      hello.links = state.links.named.map { MusterV1.Link($0) }
      state.outbox.toldLinks(state.links)
    }
    return hello
  }

  private func next() throws -> (MusterV1.AgentMessage.OneOfMessage?, deadline: Duration) {
    let now = time.elapsed
    return try rack.change { state in
      guard var session = state.session else { return (nil, now + .seconds(1)) }
      defer { state.session = session }
      if try session.tick(now: now), let epoch = session.sessionEpoch {
        return (.renew(state.outbox.renew(epoch, links: state.links, warnings: state.warnings)), session.deadline)
      }
      guard session.isLive else { return (nil, session.deadline) }
      if let again = state.enlistmentsAgain, again <= now {
        (state.enlistmentsUnderWay, state.enlistmentsAgain) = ([], nil)
      }
      var underWay = state.enlistmentsUnderWay
      let message = state.outbox.next(assigned: session.assigned) { limit in
        let spooled = spooledEnlistments(limit: limit, excluding: underWay)
        underWay.formUnion(spooled.map(\.id))
        return spooled
      }
      state.enlistmentsUnderWay = underWay
      return (message, session.deadline)
    }
  }

  private func spooledEnlistments(limit: Int, excluding underWay: Set<[UInt8]>) -> [MusterV1.Enlistment] {
    do {
      return try rack.mirror.spooledEnlistments(limit: limit, excluding: underWay).map { MusterV1.Enlistment($0) }
    } catch {
      log.error("the spool of enlistments cannot be read", metadata: ["error": "\(error)"])
      return []
    }
  }

  // MARK: Reading

  private func read(_ responses: ResponseStream<MusterV1.RegionMessage>, of region: RegionEndpoint) async throws {
    for try await message in responses {
      let now = time.elapsed
      let action = try rack.change { state in try state.session?.receive(message, now: now) }
      if let action { try carryOut(action, region) }
      rack.sayable.raise()
    }
  }

  private func carryOut(_ action: SessionMachine.Action, _ region: RegionEndpoint) throws {
    switch action {
    case .welcomed(let epoch):
      log.info("session begun", metadata: ["region": "\(region.name)", "session": "\(epoch)"])
      rack.change { $0.region = .connected(region.name, session: epoch) }
      repeatBootOnceUses()
    case .assign(let id, let name, let epoch, let leasesFollow):
      try assign(id, name, epoch, leasesFollow: leasesFollow)
    case .leases(let id, let epoch, let leases, let isLast):
      try take(leases, of: id, epoch, isLast: isLast)
    case .revoke(let id, let epoch):
      try revoke(id, epoch)
    case .stage(let chunk):
      do { try rack.mirror.stage(chunk) } catch { refuse(error, chunk.dhcpID) }
    case .broken(let id, let words):
      log.error("a part of a feed cannot be understood", metadata: ["subnet": "\(id)", "words": "\(words)"])
      rack.mirror.breakStaged(id)
      rack.change { $0.brokenFeeds[id] = Trouble(.feedBroken, "the region's rows cannot be understood: \(words).") }
    case .commit(let commit):
      try take(commit)
    case .profiles(let profiles):
      try rack.mirror.storeProfiles(profiles)
      rack.applicable.raise()
      rack.filesWanted.raise()
    case .acknowledged(let sequence, let enlistments):
      try rack.mirror.acknowledgeEnlistments(enlistments)
      let now = time.elapsed
      rack.change { state in
        _ = state.outbox.observations.acknowledge(sequence)
        state.enlistmentsUnderWay.subtract(enlistments)
        // What the region heard and did not take, for its rate cap, is offered again, but not at once.
        state.enlistmentsAgain = state.enlistmentsUnderWay.isEmpty ? nil : state.enlistmentsAgain ?? now + Self.offerAgain
      }
    }
  }

  private func assign(_ id: DHCPSubnetID, _ name: SubnetName, _ epoch: Epoch, leasesFollow: Bool) throws {
    guard try rack.mirror.assign(id, name: name, epoch: epoch, leasesFollow: leasesFollow) else {
      return refuse(.staleEpoch, id)
    }
    let applied = rack.mirror.content.subnets[id]?.applied
    rack.change { state in
      state.outbox.served[id] = applied
      state.leaving[id] = nil
      state.handed[id] = nil
    }
    log.info("owns subnet", metadata: ["subnet": "\(name)", "epoch": "\(epoch)"])
    rack.applicable.raise()
  }

  private func revoke(_ id: DHCPSubnetID, _ epoch: Epoch) throws {
    guard try rack.mirror.revoke(id, epoch: epoch) else { return refuse(.staleEpoch, id) }
    let mirrored = rack.mirror.content.subnets[id]
    log.info("owns subnet no longer", metadata: ["subnet": "\(mirrored?.name.text ?? "\(id)")", "epoch": "\(epoch)"])
    // Answered by the next apply, also when nothing is served any more: an earlier answer may be lost, and the leases are
    // read again for this one.
    rack.change { state in
      state.leaving[id] = mirrored?.epochMax ?? epoch
      state.handed[id] = nil
    }
    rack.applicable.raise()
  }

  /// The last part makes the whole set durable, before the feed that lets the subnet be answered.
  private func take(_ leases: [Lease], of id: DHCPSubnetID, _ epoch: Epoch, isLast: Bool) throws {
    let known = rack.change { $0.handed[id] ?? [] }
    guard known.count + leases.count <= Handover.leasesMax else {
      throw SessionMachine.End.unexpected("more than \(Handover.leasesMax) leases of subnet \(id)")
    }
    guard isLast else { return rack.change { $0.handed[id] = known + leases } }
    rack.change { $0.handed[id] = nil }
    let all = (known + leases).sorted { $0.address < $1.address }
    guard try rack.mirror.handOver(id, epoch: epoch, leases: all) else { return refuse(.staleEpoch, id) }
    log.info("leases of the former owner received", metadata: ["subnet": "\(id)", "count": "\(all.count)"])
    rack.applicable.raise()
  }

  private func take(_ commit: FeedCommit) throws {
    if let refusal = try rack.mirror.commit(commit) { return refuse(refusal, commit.dhcpID) }
    let now = time.elapsed
    rack.change { state in
      state.brokenFeeds[commit.dhcpID] = nil
      if state.waitingSince[commit.dhcpID] == nil { state.waitingSince[commit.dhcpID] = now }
    }
    log.debug("received", metadata: ["subnet": "\(commit.dhcpID)", "generation": "\(commit.to)"])
    rack.applicable.raise()
  }

  private func refuse(_ refusal: FeedRefusal, _ id: DHCPSubnetID) {
    log.warning("refused", metadata: ["subnet": "\(id)", "reason": "\(refusal)"])
    let reason: MusterV1.RefusalReason =
      switch refusal {
      case .gap: .gap
      case .staleEpoch: .staleEpoch
      case .digest: .digest
      }
    let mirrored = rack.mirror.content.subnets[id]
    rack.change { $0.outbox.refuse(reason, mirrored, id: id) }
  }

  /// The region must learn that an order to boot once is used up, or it gives it to the next owner of the subnet; so it
  /// is said in every session until the order is gone.
  private func repeatBootOnceUses() {
    let content = rack.mirror.content
    let now = time.wall
    for use in content.bootOnceUses {
      let binding = find(use.key.mac, in: content.subnets[use.key.subnet]?.received.bindings)
      guard binding?.bootOnce?.token == use.token, !rack.change({ $0.outbox.observations.holds(bootOnce: use.token) })
      else { continue }
      rack.record(
        BootObservation(dhcpID: use.key.subnet, mac: use.key.mac, stage: .phoneHome, time: now), bootOnce: use.token)
    }
  }
}
