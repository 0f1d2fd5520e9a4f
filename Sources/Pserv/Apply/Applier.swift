package import Logging
package import Provisioning
internal import Synchronization

/// Takes the rack from what is served to what should be served, as often as it is told to.
///
/// One apply at a time; the caller sees to it. It reads the mirror when it begins, so everything that was received while
/// an earlier apply ran is in the next one.
package final class Applier: Sendable {
  private let mirror: Mirror
  private let backend: any DHCPBackend
  private let view: AppliedView
  private let time: any Timekeeper
  private let log: Logger
  /// Octets; a fatter daemon is restarted at the next apply.
  private let memoryMax: UInt64
  private let state = Mutex(State())

  private struct State {
    var holds: [DHCPSubnetID: Hold] = [:]
    /// The links at the last apply; `nil` before the first.
    var links: RackLinks?
    var isStopped = false
  }

  /// Plans in one apply: each search for offenders and each foreign server takes one more.
  static let roundsMax = 4

  package init(
    mirror: Mirror, backend: any DHCPBackend, view: AppliedView, time: any Timekeeper, log: Logger,
    memoryMax: UInt64 = .max
  ) {
    self.mirror = mirror
    self.backend = backend
    self.view = view
    self.time = time
    self.log = log
    self.memoryMax = memoryMax
  }

  /// From now on nothing is written any more: another machine has this agent's identity. What serves is left alone.
  package func stopWriting() {
    state.withLock { $0.isStopped = true }
  }

  package var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Lets boot answers see what the mirror says is applied.
  package func publish() {
    let content = mirror.content
    view.swap(to: content.appliedState, rejected: content.rejectedBindings, usedUp: content.bootOnceUses)
  }

  /// Plans and carries out until nothing is left to do or something fails.
  ///
  /// - Parameter leaving: Subnets that the region told this agent to leave, with the epochs that end them; each is in the
  ///   report's `ended` when it is not answered, whether it was before or not.
  package func apply(links: RackLinks, leaving: [DHCPSubnetID: Epoch] = [:]) async -> ApplyReport {
    var report = ApplyReport()
    guard !isStopped else { return report }
    var extra: [RejectedBinding] = []
    state.withLock { $0.holds = $0.holds.filter(\.value.isSettled) }
    var unchecked: [String: String] = [:]
    do throws(ApplyFailure) {
      var isDone = false
      for _ in 0..<Self.roundsMax where !isDone {
        let content = mirror.content
        var desired = DesiredRack(
          content, links: links, holds: state.withLock { $0.holds }, unchecked: unchecked, leaving: Set(leaving.keys))
        // A row that was refused a moment ago and has changed since is a new row.
        desired.reject(extra.filter { desired.state[$0.binding.subnet]?.binding(of: $0.binding.mac) == $0.binding })
        report.troubles = desired.troubles
        isDone = try await round(
          desired, content, links: links, leaving: leaving, extra: &extra, unchecked: &unchecked, report: &report)
      }
      guard isDone else {
        throw ApplyFailure(Trouble(.applyFailed, "what is wanted changed under way \(Self.roundsMax) times; trying again."))
      }
    } catch {
      log.error("apply failed", metadata: ["code": "\(error.trouble.code.rawValue)", "why": "\(error.trouble.message)"])
      report.failure = error
      for mirrored in mirror.content.ordered where isBehind(mirrored) && report.troubles[mirrored.dhcpID] == nil {
        report.troubles[mirrored.dhcpID] = error.trouble
      }
    }
    return report
  }

  /// True if nothing is left to do.
  private func round(
    _ desired: DesiredRack, _ content: MirrorContent, links: RackLinks, leaving: [DHCPSubnetID: Epoch],
    extra: inout [RejectedBinding], unchecked: inout [String: String], report: inout ApplyReport
  ) async throws(ApplyFailure) -> Bool {
    let applied = content.appliedState
    let observed = try await observe(desired.state, applied: applied, links: links)
    let steps = plan(
      desired: desired.state, applied: applied, observed: observed, handed: desired.handed, ended: desired.ended)
    log.debug("planned", metadata: ["steps": "\(steps.map(\.name).joined(separator: " "))"])
    var runner = StepRunner(
      backend: backend, time: time, log: log, desired: desired.state,
      fallback: { [self] in isStopped ? nil : mirror.content.fallbackState },
      mayGoOn: { [self] in !isStopped && isCurrent(desired.state) })
    let end: StepRunner.End
    do { end = try await runner.run(steps) } catch {
      guard error.isOfConfiguration, !isStopped else { throw error }
      extra += try await isolate(desired, applied: applied, after: error, report: &report)
      return false
    }
    report.silence += runner.findings.silence
    report.didReload = report.didReload || runner.findings.didReload
    switch end {
    case .done:
      report.probe = runner.findings.probe
      report.troubles.merge(runner.findings.wrongAddresses) { first, _ in first }
      try persist(desired, content, runner.findings, leaving: leaving, report: &report)
      state.withLock { $0.links = links }
      return true
    case .outdated:
      return isStopped
    case .startRefused:
      try block(runner.findings.foreign, desired)
      for (interface, words) in runner.findings.unchecked.sorted(by: { $0.key < $1.key }) {
        log.error(
          "a link cannot be searched for a foreign DHCP server; it stays off",
          metadata: ["interface": "\(interface)", "why": "\(words)"])
      }
      unchecked.merge(runner.findings.unchecked) { $1 }
      report.mustRetry = report.mustRetry || !unchecked.isEmpty
      return false
    case .refused(let words):
      extra += try await search(desired, applied: applied, words: words, isFinal: false, report: &report) {
        try await self.backend.validate($0)
      }
      return false
    }
  }

  private func observe(
    _ desired: RackState, applied: RackState, links: RackLinks
  ) async throws(ApplyFailure) -> Observed {
    do {
      let before = state.withLock { $0.links }
      let inspection = try await backend.inspect()
      let surveyed = subnetsToSurvey(desired: desired, applied: applied)
      return Observed(
        fingerprint: try backend.fingerprint(of: desired), inspection: inspection,
        leases: surveyed.isEmpty ? [] : try await backend.leases(in: surveyed),
        linksReturned: before.map { links.returned(since: $0) } ?? [],
        linksUp: Set(links.named.filter(\.state.isUp).map(\.state.interface)), isUnproven: before == nil,
        memoryMax: memoryMax)
    } catch {
      throw ApplyFailure(Trouble(.applyFailed, "\(error). What serves serves on; trying again."))
    }
  }

  /// Whether every subnet of `state` is still this agent's at the epoch the plan was made for.
  private func isCurrent(_ state: RackState) -> Bool {
    let subnets = mirror.content.subnets
    return state.subnets.allSatisfy { subnet in
      subnets[subnet.dhcpID].map { $0.isOwned && $0.epochMax == subnet.epoch } ?? false
    }
  }

  private func isBehind(_ mirrored: MirroredSubnet) -> Bool {
    guard mirrored.isOwned else { return mirrored.applied != nil }
    return mirrored.applied?.subnet.generation != mirrored.received.generation
  }

  private func block(_ foreign: [Attachment: IPv4Address], _ desired: DesiredRack) throws(ApplyFailure) {
    for subnet in desired.state.answering {
      guard let found = foreign.first(where: { $0.key.interface == subnet.attachment?.interface }),
        let facts = desired.facts[subnet.dhcpID]
      else { continue }
      log.error(
        "a foreign DHCP server answers; the subnet stays off",
        metadata: ["subnet": "\(subnet.header.name)", "server": "\(found.value)", "interface": "\(found.key.interface)"])
      try durably {
        try mirror.block(
          subnet.dhcpID, ForeignBlock(server: found.value, headerGeneration: facts.headerGeneration))
      }
    }
  }

  /// Looks in a scratch daemon for what made the real one deaf. What served before serves again meanwhile.
  ///
  /// - Throws: `failure`, if a scratch daemon answers by the same configuration: then it is not the input that is wrong.
  private func isolate(
    _ desired: DesiredRack, applied: RackState, after failure: ApplyFailure, report: inout ApplyReport
  ) async throws(ApplyFailure) -> [RejectedBinding] {
    var failure = failure
    let whole: Rehearsal
    do { whole = try await backend.rehearse(desired.state, from: applied) } catch { throw failure }
    switch whole {
    case .answered:
      failure.trouble = Trouble(
        failure.trouble.code, "\(failure.trouble.message). A scratch copy answers by the same configuration")
      throw failure
    case .notPossible(let words):
      log.error("the offender cannot be looked for", metadata: ["why": "\(words)"])
      throw failure
    case .failed(let words):
      return try await search(desired, applied: applied, words: words, isFinal: true, report: &report) { part in
        switch try await self.backend.rehearse(part, from: applied) {
        case .answered: .accepted
        case .failed(let words): .refused(words)
        case .notPossible(let words): throw ApplyFailure(Trouble(.applyFailed, words))
        }
      }
    }
  }

  /// Asks a scratch daemon which parts of `desired` it does not take.
  ///
  /// - Parameter isFinal: What the search does not come to stays out until it changes: asking anew would make the real
  ///   daemon deaf again.
  private func search(
    _ desired: DesiredRack, applied: RackState, words: String, isFinal: Bool, report: inout ApplyReport,
    ask: (RackState) async throws -> ConfigurationVerdict
  ) async throws(ApplyFailure) -> [RejectedBinding] {
    log.error("the DHCP server refuses the configuration; looking for the offenders", metadata: ["words": "\(words)"])
    var search = OffenderSearch(desired: desired.state, good: applied)
    do {
      while let part = search.next() { search.record(try await ask(part)) }
    } catch {
      throw error as? ApplyFailure
        ?? ApplyFailure(Trouble(.applyFailed, "\(error). What serves serves on; trying again."))
    }
    switch search.outcome {
    case .baseRefused(let words):
      throw ApplyFailure(Trouble(.applyFailed, "the DHCP server refuses even what it serves: \(words)"))
    case .found(let headers, let bindings):
      guard !headers.isEmpty || !bindings.isEmpty else {
        throw ApplyFailure(Trouble(.applyFailed, "the DHCP server refuses the whole and none of its parts: \(words)"))
      }
      for (id, words) in headers {
        let trouble = Trouble(.headerRefused, "the DHCP server cannot serve the subnet with these options: \(words)")
        let generation = desired.state[id]?.generation ?? .zero
        let isSettled = isFinal || !search.unresolvedHeaders.contains(id)
        state.withLock { $0.holds[id] = Hold(generation: generation, trouble: trouble, isSettled: isSettled) }
      }
      guard isFinal else {
        report.isUnfinished = !search.isComplete
        return bindings
      }
      return bindings.map { rejected in
        guard rejected.reason.code == .unresolved else { return rejected }
        let words = "not cleared within \(OffenderSearch.questionsMax) rehearsals; change it to try again"
        return RejectedBinding(binding: rejected.binding, reason: RejectionReason(.refusedByServer, words))
      }
    }
  }

  private func persist(
    _ desired: DesiredRack, _ content: MirrorContent, _ findings: StepRunner.Findings,
    leaving: [DHCPSubnetID: Epoch], report: inout ApplyReport
  ) throws(ApplyFailure) {
    let now = time.wall
    let left = Dictionary(grouping: findings.leasesLeft, by: \.dhcpID)
    let collected = Dictionary(grouping: findings.collected, by: \.dhcpID)
    var changed: [AppliedSubnet] = []
    for subnet in desired.state.subnets {
      guard let facts = desired.facts[subnet.dhcpID] else { continue }
      let before = content.subnets[subnet.dhcpID]?.applied
      let bound = Set(subnet.bindings.compactMap(\.address))
      // Leases known from earlier applies are repeated until they end or their address may be given out again.
      var leases = left[subnet.dhcpID] ?? []
      let found = Set(leases.map(\.address))
      leases += (before?.leasesLeft ?? []).filter { !found.contains($0.address) }
      let pool = subnet.answersDHCP ? subnet.header.pool : .empty
      leases.removeAll { $0.until <= now || bound.contains($0.address) || pool.contains($0.address) }
      let applied = AppliedSubnet(
        subnet: subnet, incarnation: facts.incarnation, digest: facts.digest, headerGeneration: facts.headerGeneration,
        rejected: desired.rejected[subnet.dhcpID] ?? [], leasesLeft: leases.sorted { $0.address < $1.address },
        leasesMoreUntil: before?.leasesMoreUntil.flatMap { $0 > now ? $0 : nil })
      report.served.append(applied)
      if applied != before { changed.append(applied) }
    }
    for id in desired.ended {
      let mirrored = content.subnets[id]
      report.ended.append(
        EndedSubnet(
          dhcpID: id, epoch: mirrored?.epochMax ?? leaving[id] ?? .zero,
          generation: mirrored?.applied?.subnet.generation ?? .zero, leasesLeft: collected[id] ?? []))
    }
    if !changed.isEmpty || !desired.ended.isEmpty || !desired.handed.isEmpty {
      try durably {
        try mirror.recordApplied(changed, ended: desired.ended, adopted: desired.handed.mapValues { .received($0) })
      }
    }
    publish()
  }

  private func durably(_ body: () throws -> Void) throws(ApplyFailure) {
    do { try body() } catch { throw ApplyFailure(Trouble(.applyFailed, "\(error)")) }
  }
}
