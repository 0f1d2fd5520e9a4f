internal import Logging
internal import Provisioning

/// Carries out the steps of one plan. It decides nothing but how a step that failed is made good.
struct StepRunner {
  let backend: any DHCPBackend
  let time: any Timekeeper
  let log: Logger
  let desired: RackState
  /// What to return to when a step fails; `nil` when the agent may no longer write.
  let fallback: @Sendable () -> RackState?
  /// Asked before everything that others can see; false when the plan is out of date or the agent may no longer write.
  let mayGoOn: @Sendable () -> Bool

  /// What the steps found out.
  private(set) var findings = Findings()

  struct Findings {
    var foreign: [Attachment: IPv4Address] = [:]
    /// Interfaces that could not be searched for a foreign server, with the reason.
    var unchecked: [String: String] = [:]
    var silence: Duration = .zero
    var probe = ""
    var didReload = false
    var leasesLeft: [Lease] = []
    /// All leases in force of the subnets that ended.
    var collected: [Lease] = []
    var wrongAddresses: [DHCPSubnetID: Trouble] = [:]
  }

  enum End: Sendable, Hashable {
    /// All steps before `persist` are done.
    case done
    /// DHCP must not start on some link: somebody else answers there, or nobody could look.
    case startRefused
    case refused(words: String)
    /// The world moved on; plan again.
    case outdated
  }

  /// From here on a failure has touched what serves.
  private var hasInstalled = false
  private var pausedAt: Duration?

  init(
    backend: any DHCPBackend, time: any Timekeeper, log: Logger, desired: RackState,
    fallback: @escaping @Sendable () -> RackState?, mayGoOn: @escaping @Sendable () -> Bool
  ) {
    self.backend = backend
    self.time = time
    self.log = log
    self.desired = desired
    self.fallback = fallback
    self.mayGoOn = mayGoOn
  }

  /// Runs the steps up to `persist`.
  ///
  /// - Throws: `ApplyFailure`; what served before serves again then, if that was possible.
  mutating func run(_ steps: [Step]) async throws(ApplyFailure) -> End {
    do {
      for step in steps {
        if let end = try await run(step) { return try await finish(end) }
      }
      return .done
    } catch {
      throw await recover(from: error)
    }
  }

  private mutating func run(_ step: Step) async throws -> End? {
    switch step {
    case .checkForeign(let attachments):
      for attachment in attachments {
        do {
          if let server = try await backend.foreignServer(on: attachment) { findings.foreign[attachment] = server }
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          findings.unchecked[attachment.interface] = "\(error)"
        }
      }
      return findings.foreign.isEmpty && findings.unchecked.isEmpty ? nil : .startRefused
    case .stage:
      try await backend.stage(desired)
    case .validate:
      if case .refused(let words) = try await backend.validateStaged() { return .refused(words: words) }
    case .install:
      guard mayGoOn() else { return .outdated }
      hasInstalled = true
      try await backend.install()
    case .pause:
      guard mayGoOn() else { return .outdated }
      pausedAt = time.elapsed
      try await backend.pause()
    case .deleteLeases(let contested):
      guard mayGoOn() else { return .outdated }
      try await deleteLeases(of: contested)
    case .reload:
      guard mayGoOn() else { return .outdated }
      try await reload()
    case .restart:
      guard mayGoOn() else { return .outdated }
      let start = time.elapsed
      try await backend.restart()
      findings.didReload = true
      findings.silence += time.elapsed - start
    case .resume:
      try await backend.resume()
      endPause()
    case .loadWithoutPools(let subnets):
      guard mayGoOn() else { return .outdated }
      var part = desired
      for id in subnets { part[id]?.header.pool = .empty }
      hasInstalled = true
      try await backend.stage(part)
      try await backend.install()
      try await reload()
    case .adoptLeases(let adoptions):
      try await adopt(adoptions)
    case .collectLeases(let subnets):
      let now = time.wall
      findings.collected = try await backend.leases(in: subnets).filter { $0.until > now }
        .sorted { ($0.dhcpID, $0.address) < ($1.dhcpID, $1.address) }
    case .surveyLeases(let vacated):
      try await survey(vacated)
    case .probe(let targets):
      return try await probe(targets)
    case .stop:
      guard mayGoOn() else { return .outdated }
      try await backend.stop()
      pausedAt = nil
    case .persist, .acknowledge:
      break
    }
    return nil
  }

  /// A plan that ends early must leave nothing half done behind it.
  private mutating func finish(_ end: End) async throws -> End {
    if pausedAt != nil {
      try await backend.resume()
      endPause()
    }
    return end
  }

  private mutating func endPause() {
    if let pausedAt { findings.silence = max(findings.silence, time.elapsed - pausedAt) }
    pausedAt = nil
  }

  private mutating func reload() async throws {
    findings.didReload = true
    do {
      findings.silence += try await backend.reload()
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      guard mayGoOn() else { throw error }
      log.warning("reload failed; restarting the DHCP server", metadata: ["error": "\(error)"])
      let start = time.elapsed
      do { try await backend.restart() } catch is CancellationError { throw CancellationError() } catch {
        throw ApplyFailure(
          Trouble(.applyFailed, "\(error). What served before serves on; trying again."), isOfConfiguration: true)
      }
      findings.silence += time.elapsed - start
    }
  }

  /// Reads the leases now, not when the plan was made: the daemon is paused, so what is read stays true.
  private func deleteLeases(of contested: [ContestedAddress]) async throws {
    let owners = Dictionary(contested.map { ($0.place, $0.owner) }, uniquingKeysWith: { first, _ in first })
    let subnets = Set(contested.map(\.place.subnet)).sorted()
    let conflicting = try await backend.leases(in: subnets).filter { lease in
      owners[SubnetAddress(subnet: lease.dhcpID, address: lease.address)].map { $0 != lease.mac } ?? false
    }
    guard !conflicting.isEmpty else { return }
    try await backend.delete(conflicting.sorted { $0.address < $1.address })
  }

  /// Reads what the daemon remembers now: it is paused, so what is read stays true.
  private func adopt(_ adoptions: [Adoption]) async throws {
    let known = Dictionary(grouping: try await backend.leases(in: adoptions.map(\.subnet)), by: \.dhcpID)
    for adoption in adoptions {
      var missing = adoption.missing(besides: known[adoption.subnet] ?? [], at: time.wall)[...]
      if !missing.isEmpty {
        log.info(
          "taking over leases",
          metadata: ["subnet": "\(desired[adoption.subnet]?.header.name.text ?? "\(adoption.subnet)")", "count": "\(missing.count)"])
      }
      while !missing.isEmpty {
        // Anew, so that it does not end meanwhile.
        if pausedAt != nil { try await backend.pause() }
        try await backend.adopt(Array(missing.prefix(DHCPLimits.adoptedInOnePause)))
        missing = missing.dropFirst(DHCPLimits.adoptedInOnePause)
      }
    }
  }

  private mutating func survey(_ vacated: Vacated) async throws {
    let now = time.wall
    findings.leasesLeft = vacated.left(of: try await backend.leases(in: vacated.subnets)).filter { $0.until > now }
  }

  // MARK: Probe

  private mutating func probe(_ targets: [ProbeTarget]) async throws -> End? {
    guard !targets.isEmpty else {
      findings.probe = "probe not possible: no link up with a binding that has an address"
      return nil
    }
    var answered = 0
    var notPossible: String?
    var hasRestarted = false
    for target in targets {
      var verdict = try await backend.probe(target)
      if verdict == .deaf, !hasRestarted {
        guard mayGoOn() else { return .outdated }
        log.warning("the DHCP server does not answer; restarting it", metadata: ["subnet": "\(target.dhcpID)"])
        hasRestarted = true
        let start = time.elapsed
        try await backend.restart()
        findings.silence += time.elapsed - start
        verdict = try await backend.probe(target)
      }
      if case .wrongAddress = verdict {
        guard mayGoOn() else { return .outdated }
        // Somebody holds the address by a lease that should not be there any more.
        try await deleteLeases(of: [
          ContestedAddress(place: SubnetAddress(subnet: target.dhcpID, address: target.address), owner: target.mac)
        ])
        verdict = try await backend.probe(target)
      }
      switch verdict {
      case .answered: answered += 1
      case .notPossible(let words): notPossible = words
      case .wrongAddress(let offered):
        findings.wrongAddresses[target.dhcpID] = Trouble(
          .wrongAddress, "the DHCP server offers \(offered) to \(target.mac), whose address is \(target.address).")
      case .deaf:
        throw ApplyFailure(
          Trouble(.deaf, "the DHCP server runs and does not answer on \(target.attachment.interface)."),
          isOfConfiguration: true)
      }
    }
    if !findings.wrongAddresses.isEmpty {
      findings.probe = "probe failed: wrong address"
    } else if let notPossible, answered == 0 {
      findings.probe = "probe not possible: \(notPossible)"
    } else {
      findings.probe = "probe ok"
    }
    return nil
  }

  // MARK: Failure

  private mutating func recover(from error: any Error) async -> ApplyFailure {
    var failure =
      error as? ApplyFailure
      ?? ApplyFailure(Trouble(.applyFailed, "\(error). What served before serves on; trying again."))
    // Cut off by the end of the agent: whatever state this is, the next life converges from it.
    guard !Task.isCancelled else { return failure }
    do {
      if hasInstalled, let fallback = fallback() {
        try await backend.restore(fallback)
      } else if pausedAt != nil {
        try await backend.resume()
      }
    } catch {
      log.error("the last good configuration could not be restored", metadata: ["error": "\(error)"])
      failure.trouble.message = "\(failure.trouble.message). Restoring the last good configuration failed: \(error)"
    }
    pausedAt = nil
    return failure
  }
}
