package import Provisioning

/// What an apply saw before it planned.
package struct Observed: Sendable, Hashable {
  /// Of the desired state.
  package var fingerprint: ConfigurationFingerprint
  package var inspection: DHCPInspection
  /// Leases of the subnets that `subnetsToSurvey` named.
  package var leases: [Lease]
  /// Links that came up since the last apply: the daemon may be deaf on them.
  package var linksReturned: Set<String>
  /// Links that are up.
  package var linksUp: Set<String>
  /// Whether the daemon is to be asked even if nothing changes: it was not since this agent started.
  package var isUnproven: Bool
  /// Above this the daemon is restarted instead of reloaded, octets.
  package var memoryMax: UInt64

  package init(
    fingerprint: ConfigurationFingerprint, inspection: DHCPInspection, leases: [Lease] = [],
    linksReturned: Set<String> = [], linksUp: Set<String> = [], isUnproven: Bool = false,
    memoryMax: UInt64 = .max
  ) {
    self.fingerprint = fingerprint
    self.inspection = inspection
    self.leases = leases
    self.linksReturned = linksReturned
    self.linksUp = linksUp
    self.isUnproven = isUnproven
    self.memoryMax = memoryMax
  }
}

/// The steps that take the rack from `applied` to `desired`.
///
/// Pure, and complete by itself: wherever an earlier plan was cut off, the next one continues from what is observed, not
/// from what was done. A file that was installed and not loaded is loaded; one that was loaded and not recorded is only
/// recorded, less the leases that still stand in its way.
///
/// An address that goes to another machine changes hands while the daemon is paused: its old lease is deleted and the new
/// configuration loaded before anybody is answered again. Deleted under the old configuration the lease could come back
/// before the reload; reloaded first the daemon would keep the old lease and hand the new owner some pool address.
///
/// From the pool of a subnet that comes from another agent nobody is given an address before the daemon knows the leases
/// that are in force there. It takes them only in a subnet of its configuration, so that is loaded without the pool first.
///
/// - Parameters:
///   - handed: Leases of the former owners of answered subnets.
///   - ended: Subnets that are left to others, ascending.
package func plan(
  desired: RackState, applied: RackState, observed: Observed, handed: [DHCPSubnetID: [Lease]] = [:],
  ended: [DHCPSubnetID] = []
) -> [Step] {
  let moves = AddressMoves(from: applied, to: desired)
  let surveyed: [Step] =
    (moves.vacated.isEmpty ? [] : [.surveyLeases(moves.vacated)]) + (ended.isEmpty ? [] : [.collectLeases(ended)])
  let inspection = observed.inspection

  guard !desired.answering.isEmpty else {
    // Stopped first, so that no lease is given after they were looked at; and one that is down too, for whoever watches
    // over it would start it again, by the configuration that lies there.
    let mayAnswer = inspection.isRunning || inspection.installed != nil
    return (mayAnswer ? [.stop] : []) + surveyed + [.persist, .acknowledge]
  }

  var steps: [Step] = []
  let starting = linksStarting(desired: desired, applied: applied)
  if !starting.isEmpty { steps.append(.checkForeign(starting)) }

  let isLoaded = inspection.isRunning && inspection.loaded == observed.fingerprint
  let isInstalled = inspection.installed == observed.fingerprint
  let isFat = inspection.isRunning && inspection.memoryBytes > observed.memoryMax
  let needsReload = !isLoaded || !isInstalled || !observed.linksReturned.isDisjoint(with: interfaces(of: desired))
  let probe = Step.probe(probeTargets(desired: desired, applied: applied, linksUp: observed.linksUp))
  let adoptions = adoptions(of: handed, desired: desired, applied: applied)
  guard needsReload || isFat || !adoptions.isEmpty else {
    // An earlier plan may have been cut off after the daemon started and before it deleted what its machines held.
    let occupied = moves.occupied(by: observed.leases)
    let eviction: [Step] = occupied.isEmpty ? [] : [.pause, .deleteLeases(occupied), .resume]
    return steps + eviction + surveyed + (observed.isUnproven ? [probe] : []) + [.persist, .acknowledge]
  }

  let contested = moves.contested(leases: observed.leases)
  if !adoptions.isEmpty {
    steps += adopting(adoptions, contested, needsReload: needsReload, isRunning: inspection.isRunning) + surveyed
    return steps + [probe, .persist, .acknowledge]
  }
  if !isInstalled { steps += [.stage, .validate, .install] }
  let reload: Step = isFat ? .restart : .reload
  if contested.isEmpty {
    steps.append(reload)
  } else if inspection.isRunning && !isFat {
    steps += [.pause, .deleteLeases(contested), .reload, .resume]
  } else {
    // A daemon that starts cannot be paused before. Until the old leases are gone it offers neither machine a contested
    // address: the old owner's reservation is elsewhere now, and the new owner's is occupied.
    steps += [reload, .deleteLeases(contested)]
  }
  steps += surveyed
  return steps + [probe, .persist, .acknowledge]
}

/// The subnets whose leases the plan depends on; reading them costs, and most edits move no address.
package func subnetsToSurvey(desired: RackState, applied: RackState) -> [DHCPSubnetID] {
  let moves = AddressMoves(from: applied, to: desired)
  return Set(moves.taken.map(\.owner.place.subnet) + moves.vacated.subnets).sorted()
}

/// The pause spares machines that renew the answer of a daemon that does not know them yet; one that starts cannot be
/// paused.
private func adopting(
  _ adoptions: [Adoption], _ contested: [ContestedAddress], needsReload: Bool, isRunning: Bool
) -> [Step] {
  let told: [Step] = contested.isEmpty ? [.adoptLeases(adoptions)] : [.deleteLeases(contested), .adoptLeases(adoptions)]
  guard needsReload else { return [.pause] + told + [.resume] }
  let loaded = [.loadWithoutPools(adoptions.map(\.subnet))] + told + [.stage, .install, .reload]
  return [.stage, .validate] + (isRunning ? [.pause] + loaded + [.resume] : loaded)
}

private func adoptions(
  of handed: [DHCPSubnetID: [Lease]], desired: RackState, applied: RackState
) -> [Adoption] {
  handed.sorted { $0.key < $1.key }.compactMap { id, leases in
    desired[id].flatMap { Adoption(leases, into: $0, isAnswered: applied[id]?.answersDHCP == true) }
  }
}

/// Links on which DHCP is about to answer and did not before, one attachment each.
private func linksStarting(desired: RackState, applied: RackState) -> [Attachment] {
  let before = Set(interfaces(of: applied))
  var starting: [String: Attachment] = [:]
  for attachment in desired.answering.compactMap(\.attachment) where !before.contains(attachment.interface) {
    if starting[attachment.interface] == nil { starting[attachment.interface] = attachment }
  }
  return starting.values.sorted { $0.interface < $1.interface }
}

private func interfaces(of state: RackState) -> [String] { state.answering.compactMap { $0.attachment?.interface } }

/// One binding for each answering subnet whose link is up; a new or changed one if there is one, for it proves most.
private func probeTargets(desired: RackState, applied: RackState, linksUp: Set<String>) -> [ProbeTarget] {
  desired.answering.compactMap { subnet in
    guard let attachment = subnet.attachment, linksUp.contains(attachment.interface) else { return nil }
    let changes = BindingChanges(from: applied[subnet.dhcpID]?.bindings ?? [], to: subnet.bindings)
    let candidates = [changes.upserts, subnet.bindings].lazy.compactMap { $0.first { $0.address != nil } }
    guard let binding = candidates.first, let address = binding.address else { return nil }
    return ProbeTarget(
      dhcpID: subnet.dhcpID, mac: binding.mac, address: address, attachment: attachment,
      relay: attachment.isRelayed ? subnet.header.relays.first : nil)
  }
}
