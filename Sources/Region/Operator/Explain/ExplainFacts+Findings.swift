internal import Provisioning

extension ExplainFacts {
  /// How old a sighting in another subnet may be to count: one boot ago, not last month's cabling.
  static let sightingAgeMaxSeconds: Int64 = 24 * 3_600

  /// What stands in the way of the node's next boot, the most important first; empty when nothing does.
  ///
  /// The order is the order of causes: what the node lacks, what its subnet lacks, what its agent refuses,
  /// what only time brings, and last what the machine itself did or did not do.
  package func findings() -> [Finding] {
    if macs.isEmpty { return [.noInterface(node: node)] }
    guard let place else { return [.notAttached(node: node)] }
    var found: [Finding] = []
    if isNew { found.append(.notAccepted(node: node)) }
    guard let serving else {
      found.append(.noOwner(subnet: place.subnet, agents: place.agents))
      return found
    }
    found += subnetFindings(place, serving)
    if let rejection {
      found.append(.quarantined(agent: serving.agent, words: rejection.message, node: node))
    }
    found += bootFileFindings(serving)
    found += addressFindings(place)
    found += progressFindings(place, serving)
    found += machineFindings(place, explained: !found.isEmpty)
    return found
  }

  private func subnetFindings(_ place: Place, _ serving: Serving) -> [Finding] {
    if !place.isDHCPEnabled { return [.dhcpOff(subnet: place.subnet)] }
    guard let trouble = serving.trouble else { return [] }
    return trouble.code == TroubleEvents.foreignServerCode
      ? [.foreignServer(subnet: place.subnet, words: trouble.message)]
      : [.subnetTrouble(subnet: place.subnet, agent: serving.agent, code: trouble.code, words: trouble.message)]
  }

  private func bootFileFindings(_ serving: Serving) -> [Finding] {
    missingFiles.map { file in
      let failure = boot.last { $0.isFailed && $0.detail.contains(file.path) }
      return .bootFileMissing(
        file, agent: serving.agent, directory: serving.bootDirectory(of: file.path), node: node,
        status: failure.map(Self.httpStatus) ?? "", times: failure == nil ? 0 : failures)
    }
  }

  private func addressFindings(_ place: Place) -> [Finding] {
    if let hold { return [.addressHeld(hold.address, by: hold.mac, until: hold.until)] }
    if place.address == nil, place.poolSize == 0 { return [.noPool(subnet: place.subnet)] }
    if place.address == nil, place.poolUsed >= place.poolSize {
      return [.poolFull(subnet: place.subnet, used: place.poolUsed, size: place.poolSize)]
    }
    return []
  }

  private func progressFindings(_ place: Place, _ serving: Serving) -> [Finding] {
    let isBehind = serving.applied < place.generation
    var found: [Finding] = []
    if !serving.isOnline {
      let silence = serving.lastSeen.map { now.age(since: $0) }
      found.append(
        .ownerSilent(agent: serving.agent, silence: silence, applied: serving.applied, isBehind: isBehind))
    }
    if isBehind {
      found.append(.waiting(agent: serving.agent, generation: place.generation, applied: serving.applied))
    }
    return found
  }

  /// - Parameter explained: Whether something above already says why the machine could not have booted;
  ///   then its silence is the consequence and not another cause.
  private func machineFindings(_ place: Place, explained: Bool) -> [Finding] {
    var found: [Finding] = []
    for sighting in sightings where sighting.subnet != place.subnet {
      let ago = now.age(since: sighting.time)
      guard ago.seconds <= Self.sightingAgeMaxSeconds else { continue }
      found.append(
        .seenElsewhere(
          sighting.mac, subnet: sighting.subnet, agent: sighting.agent, wanted: place.subnet, ago: ago))
    }
    if let last = boot.last, last.isFailed, missingFiles.isEmpty {
      found.append(
        .bootFailed(last.stage, detail: last.detail, times: failures, ago: now.age(since: last.time)))
    }
    if !explained, found.isEmpty, !wasSeen {
      found.append(.notSeen(macs: macs, subnet: place.subnet, vlan: place.vlan))
    }
    return found
  }

  /// `HTTP 404` out of `kernel rescue/vmlinuz: HTTP 404`.
  private static func httpStatus(_ fact: BootFact) -> String {
    guard let colon = fact.detail.lastIndex(of: ":") else { return "" }
    return String(fact.detail[fact.detail.index(after: colon)...].drop { $0 == " " })
  }
}
