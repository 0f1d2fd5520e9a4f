package import Provisioning
package import Wire

/// What the region is still to be told, as state: the newest word on each subject, not a log of words. It outlives
/// sessions; what a lost session may have swallowed is said again in the next one.
package struct Outbox: Sendable {
  /// As the mirror has it.
  package var served: [DHCPSubnetID: AppliedSubnet] = [:]
  package var troubles: [DHCPSubnetID: Trouble] = [:]
  /// False until the first apply of this life has ended: what the mirror calls applied may not be served any more, and
  /// nothing is said of it before that is known.
  package var knowsTroubles = true
  package var bootFiles: MusterV1.BootFiles?
  package var observations = ObservationQueue()
  /// How the newest apply went; goes with the `Applied` of what it changed.
  package var course = ApplyCourse()

  private var ended: [DHCPSubnetID: EndedSubnet] = [:]
  /// How many leases of an ended subnet this session was told already.
  private var leasesTold: [DHCPSubnetID: Int] = [:]
  private var refusals: [DHCPSubnetID: MusterV1.Refused] = [:]
  /// What this session was told.
  private var told = Told()

  private struct Told: Sendable {
    var served: [DHCPSubnetID: AppliedSubnet] = [:]
    var troubles: [DHCPSubnetID: Trouble?] = [:]
    var bootFiles: MusterV1.BootFiles?
    var links: RackLinks?
  }

  /// How the apply of some generations went.
  package struct ApplyCourse: Sendable, Hashable {
    package var took: Duration = .zero
    package var silence: Duration = .zero
    package var probe = ""

    package init() {}
  }

  package init() {}

  /// Another session begins; it knows nothing.
  package mutating func beginSession() {
    told = Told()
    refusals = [:]
    leasesTold = [:]
    observations.requeue()
  }

  package mutating func refuse(_ reason: MusterV1.RefusalReason, _ mirrored: MirroredSubnet?, id: DHCPSubnetID) {
    var refused = MusterV1.Refused()
    refused.reason = reason
    var room = RejectionRoom()
    var have = mirrored.map { MusterV1.Have($0, room: &room) } ?? MusterV1.Have()
    have.dhcpId = id.number
    refused.have = have
    refusals[id] = refused
  }

  package mutating func end(_ subnet: EndedSubnet) {
    ended[subnet.dhcpID] = subnet
    leasesTold[subnet.dhcpID] = nil
    served[subnet.dhcpID] = nil
    troubles[subnet.dhcpID] = nil
  }

  /// The next thing to say, most urgent first; `nil` if the region knows everything.
  ///
  /// - Parameters:
  ///   - assigned: The subnets assigned in this session; a word on another would not be heard.
  ///   - spool: Gives up to so many enlistments that were not sent in this session.
  package mutating func next(
    assigned: [DHCPSubnetID: Epoch], spool: (Int) -> [MusterV1.Enlistment]
  ) -> MusterV1.AgentMessage.OneOfMessage? {
    if let id = refusals.keys.min(), let refused = refusals.removeValue(forKey: id) { return .refused(refused) }
    if let id = ended.keys.min(), let subnet = ended[id] { return release(subnet) }
    if knowsTroubles {
      if let trouble = nextTrouble(assigned) { return trouble }
      if let applied = nextApplied(assigned) { return applied }
    }
    if let observed = observations.next(spool: spool) { return .observed(observed) }
    if let bootFiles, told.bootFiles != bootFiles {
      told.bootFiles = bootFiles
      return .bootFiles(bootFiles)
    }
    return nil
  }

  /// Before `nextApplied`: whoever waits for an Applied must have heard by then that it serves nobody.
  private mutating func nextTrouble(_ assigned: [DHCPSubnetID: Epoch]) -> MusterV1.AgentMessage.OneOfMessage? {
    for (id, epoch) in assigned.sorted(by: { $0.key < $1.key }) {
      let trouble = troubles[id]
      if let known = told.troubles[id], known == trouble { continue }
      told.troubles.updateValue(trouble, forKey: id)
      var message = MusterV1.SubnetTrouble()
      message.dhcpId = id.number
      message.epoch = epoch.number
      message.code = trouble?.code.rawValue ?? ""
      message.message = trouble?.message ?? ""
      return .subnetTrouble(message)
    }
    return nil
  }

  private mutating func nextApplied(_ assigned: [DHCPSubnetID: Epoch]) -> MusterV1.AgentMessage.OneOfMessage? {
    for (id, epoch) in assigned.sorted(by: { $0.key < $1.key }) {
      guard let applied = served[id], applied.subnet.epoch == epoch, told.served[id] != applied else { continue }
      told.served[id] = applied
      var message = MusterV1.Applied(applied)
      message.tookNs = course.took.nanoseconds
      message.silenceNs = course.silence.nanoseconds
      message.probe = course.probe
      return .applied(message)
    }
    return nil
  }

  /// The leases of a subnet that was left, a message at a time, and at last that it was left.
  private mutating func release(_ subnet: EndedSubnet) -> MusterV1.AgentMessage.OneOfMessage {
    let rest = subnet.leasesLeft.prefix(Handover.leasesMax).dropFirst(leasesTold[subnet.dhcpID] ?? 0)
    guard rest.count > MusterV1.Applied.listMax else {
      ended[subnet.dhcpID] = nil
      leasesTold[subnet.dhcpID] = nil
      return .applied(MusterV1.Applied(subnet, leases: rest))
    }
    leasesTold[subnet.dhcpID, default: 0] += MusterV1.LeaseSet.leasesMax
    var set = MusterV1.LeaseSet()
    set.dhcpId = subnet.dhcpID.number
    set.epoch = subnet.epoch.number
    set.leases = rest.prefix(MusterV1.LeaseSet.leasesMax).map { MusterV1.LeaseLeft($0) }
    return .leaseSet(set)
  }

  /// The Renew that is due; carries the links if this session has not seen them.
  package mutating func renew(_ epoch: SessionEpoch, links: RackLinks, warnings: [String]) -> MusterV1.Renew {
    var renew = MusterV1.Renew()
    renew.sessionEpoch = epoch.number
    renew.warnings = Array(warnings.prefix(32))
    if told.links != links {
      renew.links = links.named.map { MusterV1.Link($0) }
      renew.linksChanged = true
      told.links = links
    }
    return renew
  }

  /// Hello said the links.
  package mutating func toldLinks(_ links: RackLinks) {
    told.links = links
  }
}
