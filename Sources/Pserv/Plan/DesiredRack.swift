package import Provisioning

/// What should be served, as the received feeds, the links and the quarantine say.
package struct DesiredRack: Sendable, Hashable {
  package var state: RackState
  /// What an `Applied` of each subnet in `state` will say besides.
  /// Absent for a subnet that is held.
  package var facts: [DHCPSubnetID: FeedFacts]
  /// By subnet; empty lists are absent. Ascending by MAC.
  package var rejected: [DHCPSubnetID: [RejectedBinding]]
  /// What keeps subnets from being served; more may come up during the apply.
  package var troubles: [DHCPSubnetID: Trouble]
  /// Subnets that are not this agent's any more and of which that is still to be said, ascending.
  package var ended: [DHCPSubnetID]
  /// Leases of former owners, of subnets in `state` that are answered.
  package var handed: [DHCPSubnetID: [Lease]]

  package init() {
    (state, facts, rejected, troubles, ended, handed) = (.empty, [:], [:], [:], [], [:])
  }

  /// Takes `rejections` out of the state.
  package mutating func reject(_ rejections: [RejectedBinding]) {
    for (id, group) in Dictionary(grouping: rejections, by: { $0.binding.subnet }) {
      guard var subnet = state[id] else { continue }
      let refused = Set(group.map(\.binding.mac))
      subnet.bindings.removeAll { refused.contains($0.mac) }
      state[id] = subnet
      rejected[id] = ((rejected[id] ?? []) + group).sorted { $0.binding.mac < $1.binding.mac }
    }
  }
}

/// A subnet whose newest feed cannot be served: what serves goes on until the feed changes.
package struct Hold: Sendable, Hashable {
  package var generation: Generation
  package var trouble: Trouble
  /// False when the daemon's checker was not asked enough; the next apply asks again.
  package var isSettled: Bool

  package init(generation: Generation, trouble: Trouble, isSettled: Bool = true) {
    self.generation = generation
    self.trouble = trouble
    self.isSettled = isSettled
  }
}

/// Where the rows of a desired subnet come from.
package struct FeedFacts: Sendable, Hashable {
  package var incarnation: [UInt8]
  package var digest: SubnetDigest
  package var headerGeneration: Generation

  package init(incarnation: [UInt8], digest: SubnetDigest, headerGeneration: Generation) {
    self.incarnation = incarnation
    self.digest = digest
    self.headerGeneration = headerGeneration
  }
}

extension DesiredRack {
  /// Derives what should be served from what is known. Pure.
  ///
  /// - Parameters:
  ///   - holds: Subnets that stay as they are served while their feed is at the generation of the hold.
  ///   - unchecked: Interfaces that could not be searched for a foreign server, with the reason.
  ///   - leaving: Subnets that the region told this agent to leave and that wait for its word.
  package init(
    _ content: MirrorContent, links: RackLinks, holds: [DHCPSubnetID: Hold] = [:], unchecked: [String: String] = [:],
    leaving: Set<DHCPSubnetID> = []
  ) {
    self.init()
    ended = leaving.filter { content.subnets[$0] == nil }
    state.profiles = content.profiles
    let started = Set(content.appliedState.answering.compactMap { $0.attachment?.interface })
    var answered = content.ordered.compactMap { Self.incumbent($0, links) }
    for mirrored in content.ordered {
      guard mirrored.isOwned else {
        if mirrored.applied != nil || mirrored.received.header != nil || leaving.contains(mirrored.dhcpID) {
          ended.append(mirrored.dhcpID)
        }
        continue
      }
      if mirrored.handover == .awaited {
        keep(mirrored, &answered)
        continue
      }
      guard let header = mirrored.received.header else { continue }
      if let hold = holds[mirrored.dhcpID], hold.generation == mirrored.received.generation {
        troubles[mirrored.dhcpID] = hold.trouble
        keep(mirrored, &answered)
        continue
      }
      let attachment = links.attachment(for: header)
      var subnet = ServedSubnet(
        header: header, epoch: mirrored.epochMax, generation: mirrored.received.generation, attachment: attachment,
        answersDHCP: false, bindings: mirrored.received.bindings)
      if header.isDHCPOn {
        let obstacle =
          Self.obstacle(to: mirrored, header, attachment, links, answered: answered)
          ?? Self.noStart(on: attachment, links, started: started, unchecked: unchecked)
        troubles[subnet.dhcpID] = obstacle ?? Self.downLink(attachment, links)
        if let obstacle, Self.leavesServing(obstacle, mirrored, links, answered: answered) {
          troubles[subnet.dhcpID] = Trouble(obstacle.code, "\(obstacle.message). What was applied before serves on.")
          keep(mirrored, &answered)
          continue
        }
        subnet.answersDHCP = obstacle == nil
        if obstacle == nil {
          answered.append(Answered(subnet: subnet.dhcpID, prefix: header.prefix))
          if case .received(let leases)? = mirrored.handover { handed[subnet.dhcpID] = leases }
        }
      }
      state[subnet.dhcpID] = subnet
      facts[subnet.dhcpID] = FeedFacts(
        incarnation: mirrored.received.incarnation, digest: mirrored.received.digest,
        headerGeneration: mirrored.received.headerGeneration)
      reject(Self.quarantine(of: mirrored, header, links))
    }
    ended.sort()
  }

  /// Leaves a subnet as it is served.
  private mutating func keep(_ mirrored: MirroredSubnet, _ answered: inout [Answered]) {
    guard var subnet = mirrored.applied?.subnet else { return }
    // It is this agent's at the newest epoch too.
    subnet.epoch = mirrored.epochMax
    state[mirrored.dhcpID] = subnet
    if subnet.answersDHCP { answered.append(Answered(subnet: subnet.dhcpID, prefix: subnet.header.prefix)) }
  }

  /// Addresses that are taken by a subnet for which DHCP answers.
  private struct Answered {
    var subnet: DHCPSubnetID
    var prefix: IPv4Prefix
  }

  /// A subnet that is answered and stays: it has its addresses before any other that is about to start, whatever their
  /// numbers.
  private static func incumbent(_ mirrored: MirroredSubnet, _ links: RackLinks) -> Answered? {
    guard mirrored.isOwned, let applied = mirrored.applied?.subnet, applied.answersDHCP,
      let header = mirrored.received.header, header.isDHCPOn, header.prefix == applied.header.prefix,
      links.attachment(for: header) != nil
    else { return nil }
    return Answered(subnet: mirrored.dhcpID, prefix: header.prefix)
  }

  /// Whether what serves may go on in spite of `obstacle`: the mistake is in the newest header, the one that is applied
  /// has no such mistake, and its link is still there.
  private static func leavesServing(
    _ obstacle: Trouble, _ mirrored: MirroredSubnet, _ links: RackLinks, answered: [Answered]
  ) -> Bool {
    guard [.poolHasOwnAddress, .prefixOverlap].contains(obstacle.code), let applied = mirrored.applied?.subnet,
      applied.answersDHCP, let attachment = applied.attachment, links.attachment(for: applied.header) == attachment
    else { return false }
    return clash(of: applied.header, links, answered: answered) == nil
  }

  /// Why DHCP must not answer at all.
  private static func obstacle(
    to mirrored: MirroredSubnet, _ header: SubnetHeader, _ attachment: Attachment?, _ links: RackLinks,
    answered: [Answered]
  ) -> Trouble? {
    guard let attachment else {
      return Trouble(
        .noLink,
        "no named interface of this host is in fabric \(header.fabric) with an address in \(header.prefix). Name it under 'interfaces' in pserv.yaml, or give the subnet a relay."
      )
    }
    if let block = mirrored.block, block.headerGeneration == mirrored.received.headerGeneration {
      return Self.foreignServer(block.server, on: attachment.interface, subnet: header.name)
    }
    return clash(of: header, links, answered: answered)
  }

  /// Which addresses of the subnet are in use elsewhere on this host.
  private static func clash(of header: SubnetHeader, _ links: RackLinks, answered: [Answered]) -> Trouble? {
    if let own = links.ownAddresses(in: header).filter({ header.pool.contains($0) }).min() {
      return Trouble(
        .poolHasOwnAddress, "the pool \(header.pool) holds the agent's own address \(own). Take it out of the pool.")
    }
    if let other = answered.first(where: { $0.subnet != header.dhcpID && $0.prefix.overlaps(header.prefix) }) {
      return Trouble(
        .prefixOverlap, "\(header.prefix) overlaps \(other.prefix), which this agent serves; one DHCP daemon cannot serve both.")
    }
    return nil
  }

  /// The words of a subnet that a foreign server keeps off.
  package static func foreignServer(_ server: IPv4Address, on interface: String, subnet: SubnetName) -> Trouble {
    Trouble(
      .foreignServer,
      "DHCP server \(server) already answers on \(interface). Stop it, then 'muster subnet update \(subnet) --dhcp on'.")
  }

  /// Why DHCP cannot start on a link where it does not answer yet: nobody can look for a foreign server on a link that is
  /// down. The rest of the host does not wait for it; the link is looked at again when it comes up.
  private static func noStart(
    on attachment: Attachment?, _ links: RackLinks, started: Set<String>, unchecked: [String: String]
  ) -> Trouble? {
    guard let interface = attachment?.interface, !started.contains(interface) else { return nil }
    if !links.isUp(interface) {
      return Trouble(
        .noLink, "interface \(interface) is down. DHCP starts when it comes up and no other DHCP server answers there.")
    }
    return unchecked[interface].map { words in
      Trouble(
        .noLink, "it could not be seen whether another DHCP server answers on \(interface) (\(words)). Trying again.")
    }
  }

  /// A link that is down keeps its configuration; it is told and served again when it returns.
  private static func downLink(_ attachment: Attachment?, _ links: RackLinks) -> Trouble? {
    guard let interface = attachment?.interface, !links.isUp(interface) else { return nil }
    return Trouble(.noLink, "interface \(interface) is down.")
  }

  /// What our rules refuse, and what the daemon refused before: the same row under the same header. What the search for
  /// offenders did not come to is suspected anew.
  private static func quarantine(
    of mirrored: MirroredSubnet, _ header: SubnetHeader, _ links: RackLinks
  ) -> [RejectedBinding] {
    var current: [IPv4Address: MACAddress] = [:]
    for binding in mirrored.applied?.subnet.bindings ?? [] {
      if let address = binding.address { current[address] = binding.mac }
    }
    let own = rejections(
      of: mirrored.received.bindings, in: header, ownAddresses: links.ownAddresses(in: header), current: current)
    guard let applied = mirrored.applied, applied.subnet.header == header else { return own }
    let ours = Set(own.map(\.binding.mac))
    let known = applied.rejected.filter { entry in
      entry.reason.code == .refusedByServer && !ours.contains(entry.binding.mac)
        && find(entry.binding.mac, in: mirrored.received.bindings) == entry.binding
    }
    return own + known
  }
}
