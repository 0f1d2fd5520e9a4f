internal import Provisioning
internal import Store

/// Turns what unknown machines say of themselves into nodes in state New, each machine once. A machine that could be
/// two is nobody's: it becomes an event for an operator to look at.
struct Enlister {
  let agent: AgentName
  /// Nodes that each subnet may still get now.
  private var budget: [DHCPSubnetID: Int]
  /// Nodes that each subnet got.
  private(set) var taken: [DHCPSubnetID: Int] = [:]
  /// Machines that clash with nodes, to be noted after the commit.
  private(set) var conflicts: [ConflictBoard.Conflict] = []
  /// MACs of machines that clash no more.
  private(set) var settled: [MACAddress] = []
  private var limited: DHCPSubnetID?
  private let board: ConflictBoard

  /// Machines that wait for an operator; beyond that a flood of made-up MACs would fill the store.
  static let newNodesMax = 10_000

  init(agent: AgentName, budget: [DHCPSubnetID: Int], board: ConflictBoard) {
    self.agent = agent
    self.board = board
    self.budget = budget
  }

  private var actor: Actor { .agent(agent) }

  /// Takes one machine in.
  ///
  /// - Returns: False when the link has had too many for now; the agent keeps it and offers it again.
  mutating func enlist(
    _ report: EnlistmentReport, in id: DHCPSubnetID, _ transaction: inout Transaction
  ) throws -> Bool {
    guard let known = try transaction.agent(named: agent), let row = try transaction.subnet(id),
      row.progress.owner == agent || known.isAllowed(for: row.subnet.spec)
    else { return true }
    switch report.match(among: try transaction.candidates(for: report)) {
    case .same(let id):
      settled += report.macs
      try refresh(id, report, &transaction)
    case .conflict(let names, let reason):
      try conflict(report, row.subnet.name, "\(sentence(reason)): \(names.map(\.text).joined(separator: ", "))", &transaction)
    case .new:
      guard budget[id, default: 0] > 0, try transaction.nodeCounts()[.new, default: 0] < Self.newNodesMax else {
        limited = id
        return false
      }
      try create(report, row, &transaction)
    }
    return true
  }

  var isLimited: Bool { limited != nil }

  /// Says that machines were not taken in.
  func reportLimit(_ transaction: inout Transaction) throws {
    guard let limited, let row = try transaction.subnet(limited) else { return }
    try transaction.record(
      Event(
        .enlistmentsLimited, actor: actor, subnet: row.subnet.name, agent: agent,
        message: "more unknown machines in \(row.subnet.name) than are taken in at a time; they are tried again"))
  }

  private mutating func create(
    _ report: EnlistmentReport, _ row: SubnetRow, _ transaction: inout Transaction
  ) throws {
    var spec = NodeSpec(name: report.nodeName, serial: usable(report.serial), uuid: usable(report.uuid))
    spec.interfaces = report.macs.enumerated().map { index, mac in
      NetworkInterface(
        name: Self.interfaceName(index), mac: mac, subnet: index == 0 ? row.subnet.name : nil, address: .dynamic,
        boot: index == 0)
    }
    do {
      _ = try transaction.write(
        .create(spec, state: .new, hardware: report.hardware), by: actor)
    } catch let refusal as Refusal {
      return try conflict(report, row.subnet.name, "\(refusal)", &transaction)
    }
    budget[row.subnet.dhcpID, default: 0] -= 1
    taken[row.subnet.dhcpID, default: 0] += 1
    let serial = spec.serial.map { ", serial \($0)" } ?? ""
    settled += report.macs
    try transaction.record(
      Event(
        .nodeEnlisted, actor: actor, node: spec.name, subnet: row.subnet.name, agent: agent, mac: report.macs.first,
        message: "\(spec.name) enlisted in \(row.subnet.name)\(serial). Take it with 'muster node accept \(spec.name)'"))
  }

  /// A machine that is known says again what it is. Hardware is what it says; what an operator decides stays.
  private func refresh(_ id: NodeID, _ report: EnlistmentReport, _ transaction: inout Transaction) throws {
    guard let node = try transaction.node(id), node.hardware != report.hardware, report.hardware != Hardware() else {
      return
    }
    _ = try transaction.write(.replace(id, with: node.spec, hardware: report.hardware), by: actor)
  }

  private mutating func conflict(
    _ report: EnlistmentReport, _ subnet: SubnetName, _ why: String, _ transaction: inout Transaction
  ) throws {
    guard let mac = report.macs.first else { return }
    let conflict = ConflictBoard.Conflict(mac: mac, subnet: subnet, why: why)
    conflicts.append(conflict)
    guard board.isNews(conflict, now: transaction.now) else { return }
    try transaction.record(
      Event(
        .enlistmentConflict, actor: actor, subnet: subnet, agent: agent, mac: report.macs.first,
        message: "a machine with \(report.macs.map(\.description).prefix(4).joined(separator: " ")) was not taken in: \(why)"))
  }

  private func sentence(_ reason: EnlistmentMatch.Reason) -> String {
    switch reason {
    case .macsOfSeveralNodes: "its MACs belong to several nodes"
    case .macOfOtherMachine: "its MAC belongs to a node with another serial or UUID"
    case .identityOfOtherMachine: "its serial or UUID belongs to a node without its MACs"
    }
  }

  private func usable(_ serial: SerialNumber?) -> SerialNumber? {
    serial.flatMap { $0.isPlaceholder ? nil : $0 }
  }

  private func usable(_ uuid: HardwareUUID?) -> HardwareUUID? {
    uuid.flatMap { $0.isPlaceholder ? nil : $0 }
  }

  private static func interfaceName(_ index: Int) -> InterfaceName {
    do { return try InterfaceName("eth\(index)") } catch { preconditionFailure("\(error)") }
  }
}
