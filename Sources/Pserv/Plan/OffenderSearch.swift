package import Provisioning

/// Finds what the daemon's checker refuses in a state it does not take, by asking about parts of it. Ends within a bound.
///
/// Only what changed since the last good state is suspected. The search adds groups of changes to what is already
/// accepted and halves the groups that are refused, so n offenders among m changes cost about n·log2(m) questions, and
/// two rows that only together are wrong are told apart: the second one is refused. It asks a scratch daemon, never the
/// live one; see `DHCPBackend.validate`.
///
/// At the bound what is not cleared stays out for now, and the next search asks about it again. Each search clears or
/// convicts some, so the innocent are served in the end.
package struct OffenderSearch: Sendable {
  /// Questions to a checker that takes up to a second for 10,000 rows: the search may take a minute, while the last good
  /// state serves.
  package static let questionsMax = 64

  package enum Suspect: Sendable, Hashable {
    /// The options, pools or link of a subnet.
    case header(DHCPSubnetID)
    case binding(BindingKey)
  }

  package enum Outcome: Sendable, Hashable {
    /// What to leave out: subnets that stay as they were, and bindings with the checker's words.
    case found(headers: [DHCPSubnetID: String], bindings: [RejectedBinding])
    /// The checker refuses even what serves now, so it is not the input that is wrong.
    case baseRefused(String)
  }

  private let desired: RackState
  private let good: RackState
  private var accepted: Set<Suspect> = []
  /// Groups still to judge; the last one is next.
  private var groups: [[Suspect]] = []
  /// The bindings' groups, judged after all headers.
  private var bindings: [Suspect] = []
  private var refusedHeaders: [DHCPSubnetID: String] = [:]
  private var refusedBindings: [BindingKey: String] = [:]
  private var unresolved: Set<BindingKey> = []
  /// Subnets in `refusedHeaders` whose header was not cleared either.
  package private(set) var unresolvedHeaders: Set<DHCPSubnetID> = []
  private var questions = 0
  private var askedBase = false
  private var baseRefusal: String?

  /// - Parameters:
  ///   - desired: What was refused as a whole.
  ///   - good: What serves.
  package init(desired: RackState, good: RackState) {
    self.desired = desired
    self.good = good
    var headers: [Suspect] = []
    for subnet in desired.subnets {
      let before = good[subnet.dhcpID]
      if before?.header != subnet.header || before?.attachment != subnet.attachment
        || before?.answersDHCP != subnet.answersDHCP
      {
        headers.append(.header(subnet.dhcpID))
      }
      let changes = BindingChanges(from: before?.bindings ?? [], to: subnet.bindings)
      bindings += changes.upserts.map { .binding($0.key) }
    }
    if !headers.isEmpty { groups = [headers] }
  }

  /// The next state to ask the checker about; `nil` when the search is over.
  package mutating func next() -> RackState? {
    guard baseRefusal == nil else { return nil }
    guard askedBase else { return compose(with: []) }
    if groups.isEmpty, !bindings.isEmpty {
      let remaining = bindings.filter { suspect in
        if case .binding(let key) = suspect { refusedHeaders[key.subnet] == nil } else { false }
      }
      bindings = []
      if !remaining.isEmpty { groups = [remaining] }
    }
    guard let group = groups.last else { return nil }
    guard questions < Self.questionsMax else {
      giveUp()
      return nil
    }
    return compose(with: group)
  }

  /// What the checker said to the state that `next` gave.
  package mutating func record(_ verdict: ConfigurationVerdict) {
    questions += 1
    guard askedBase else {
      askedBase = true
      if case .refused(let words) = verdict { baseRefusal = words }
      return
    }
    let group = groups.removeLast()
    guard case .refused(let words) = verdict else {
      accepted.formUnion(group)
      return
    }
    guard group.count == 1 else {
      let half = group.count / 2
      groups.append(Array(group[half...]))
      groups.append(Array(group[..<half]))
      return
    }
    switch group[0] {
    case .header(let id): refusedHeaders[id] = words
    case .binding(let key): refusedBindings[key] = words
    }
  }

  /// Whether every suspect was cleared or convicted.
  package var isComplete: Bool { unresolved.isEmpty && unresolvedHeaders.isEmpty }

  package var outcome: Outcome {
    if let baseRefusal { return .baseRefused(baseRefusal) }
    var rejected: [RejectedBinding] = []
    for subnet in desired.subnets {
      for binding in subnet.bindings {
        if let words = refusedBindings[binding.key] {
          rejected.append(RejectedBinding(binding: binding, reason: RejectionReason(.refusedByServer, words)))
        } else if unresolved.contains(binding.key) {
          let words = "not cleared within \(Self.questionsMax) questions to the DHCP server's checker; it is asked again"
          rejected.append(RejectedBinding(binding: binding, reason: RejectionReason(.unresolved, words)))
        }
      }
    }
    return .found(headers: refusedHeaders, bindings: rejected)
  }

  /// At the bound everything that was not cleared stays out for now.
  private mutating func giveUp() {
    for suspect in groups.joined() + bindings {
      switch suspect {
      case .header(let id):
        refusedHeaders[id] = "not cleared within \(Self.questionsMax) questions to its checker; it is asked again"
        unresolvedHeaders.insert(id)
      case .binding(let key): unresolved.insert(key)
      }
    }
    groups = []
    bindings = []
  }

  /// What serves, with the changes that are accepted and those of `group`.
  private func compose(with group: [Suspect]) -> RackState {
    let included = accepted.union(group)
    var subnets: [ServedSubnet] = []
    for subnet in desired.subnets {
      let before = good[subnet.dhcpID]
      let isNew =
        before?.header != subnet.header || before?.attachment != subnet.attachment
        || before?.answersDHCP != subnet.answersDHCP
      guard !isNew || included.contains(.header(subnet.dhcpID)) else {
        if let before { subnets.append(before) }
        continue
      }
      var part = subnet
      let changed = Set(BindingChanges(from: before?.bindings ?? [], to: subnet.bindings).upserts.map(\.mac))
      part.bindings = subnet.bindings.filter { !changed.contains($0.mac) || included.contains(.binding($0.key)) }
      subnets.append(part)
    }
    return RackState(subnets: subnets, profiles: desired.profiles)
  }
}
