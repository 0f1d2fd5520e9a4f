internal import Provisioning

/// One line of the region's list of problems.
package struct StatusProblem: Sendable, Hashable {
  /// How bad it is; the worst first.
  package enum Severity: Int, Sendable, Hashable, Comparable {
    /// Machines cannot boot.
    case outage
    /// Machines boot, but changes do not reach them, or some nodes are left out.
    case degraded
    /// Somebody should look at it this week.
    case notice

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  package var severity: Severity
  /// What it is about, for example "subnet/hall1".
  package var subject: String
  /// Stable reason.
  package var code: String
  package var message: String
  package var fix: String

  /// Problems in one answer.
  package static let countMax = 100
}

extension StatusFacts {
  /// How long a generation may wait for its owner before that is a problem. An apply of 10,000 reservations takes
  /// half a second; ten seconds are no accident.
  static let behindMaxSeconds: Int64 = 10
  /// Share of a pool in use, in percent, from which on it is worth a notice.
  static let poolUseNoticePercent = 90

  /// Everything that is wrong, the worst first, at most `StatusProblem.countMax`.
  package func problems() -> [StatusProblem] {
    var found: [StatusProblem] = []
    for agent in agents { found += problems(of: agent) }
    for subnet in subnets { found += problems(of: subnet) }
    found += conflicts.map {
      StatusProblem(
        severity: .degraded, subject: $0.subject, code: "CONFLICT", message: $0.message,
        fix: "see 'muster event list --kind NODE_ENLISTMENT_CONFLICT'")
    }
    found.sort { a, b in
      a.severity != b.severity ? a.severity < b.severity : naturallyPrecedes(a.subject, b.subject)
    }
    return Array(found.prefix(StatusProblem.countMax))
  }

  private func problems(of agent: AgentFact) -> [StatusProblem] {
    var found: [StatusProblem] = []
    if !agent.isOnline, agent.subnets > 0 {
      let silence = agent.lastSeen.map { "silent for \(now.age(since: $0))" } ?? "was never online"
      found.append(
        StatusProblem(
          severity: .degraded, subject: "agent/\(agent.name)", code: "OWNER_SILENT",
          message: "\(agent.name) \(silence) and owns \(counted(agent.subnets, "subnet"))",
          fix: "start muster-pserv there; a host that is gone: 'muster agent remove \(agent.name) --force'"))
    }
    found += agent.warnings.map {
      StatusProblem(
        severity: .notice, subject: "agent/\(agent.name)", code: "AGENT_WARNING", message: $0,
        fix: "see the log of muster-pserv on \(agent.name)")
    }
    return found
  }

  private func problems(of subnet: SubnetFact) -> [StatusProblem] {
    let progress = subnet.progress
    let name = progress.subnet
    func problem(
      _ severity: StatusProblem.Severity, _ code: String, _ message: String, _ fix: String
    ) -> StatusProblem {
      StatusProblem(severity: severity, subject: "subnet/\(name)", code: code, message: message, fix: fix)
    }
    guard let owner = progress.owner else {
      return [
        problem(
          subnet.nodes > 0 || subnet.isDHCPEnabled ? .outage : .notice, "NO_OWNER",
          "no agent can serve \(name) (\(counted(subnet.nodes, "node")))",
          "name one with a link in it or behind its relay: 'muster subnet update \(name) --agents AGENT'")
      ]
    }
    var found: [StatusProblem] = []
    if subnet.isDHCPEnabled, let trouble = progress.trouble {
      found.append(
        problem(.outage, "NOT_SERVED", "\(name) not served: \(trouble)", "see the log of muster-pserv on \(owner.agent)"))
    }
    if owner.isOnline, progress.trouble == nil, progress.applied < progress.head, let since = subnet.behindSince,
      now.age(since: since).seconds >= Self.behindMaxSeconds
    {
      found.append(
        problem(
          .degraded, "BEHIND",
          "\(name) at generation \(progress.applied) of \(progress.head) for \(now.age(since: since))",
          "see the log of muster-pserv on \(owner.agent)"))
    }
    if progress.quarantined > 0 {
      found.append(
        problem(
          .degraded, "QUARANTINED",
          "\(owner.agent) refuses \(counted(progress.quarantined, "node")) of \(name)",
          "'muster event list --subnet \(name) --kind NODE_REJECTED' names them"))
    }
    if !subnet.isDHCPEnabled, subnet.nodes > 0 {
      found.append(
        problem(
          .notice, "DHCP_OFF", "DHCP is off on \(name) (\(counted(subnet.nodes, "node")))",
          "'muster subnet update \(name) --dhcp on'"))
    }
    if subnet.poolSize > 0, subnet.poolUsed * 100 >= subnet.poolSize * Self.poolUseNoticePercent {
      let isFull = subnet.poolUsed >= subnet.poolSize
      found.append(
        problem(
          isFull ? .degraded : .notice, isFull ? "POOL_FULL" : "POOL_NEARLY_FULL",
          "\(subnet.poolUsed) of \(subnet.poolSize) pool addresses of \(name) are leased",
          "widen it with 'muster subnet update \(name) --pool'"))
    }
    return found
  }
}

/// `1 node`, `2 nodes`.
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
