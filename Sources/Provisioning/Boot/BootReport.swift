/// The stages a machine passes on its way up, in order.
package enum BootStage: UInt8, Hashable, Sendable, Comparable, CaseIterable {
  case discover = 1
  case ack = 2
  case loader = 3
  case script = 4
  case kernel = 5
  case phoneHome = 6

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// The word operators read and type: "phone-home".
  package var word: String {
    switch self {
    case .discover: "discover"
    case .ack: "ack"
    case .loader: "loader"
    case .script: "script"
    case .kernel: "kernel"
    case .phoneHome: "phone-home"
    }
  }

  package init?(word: String) {
    guard let stage = Self.allCases.first(where: { $0.word == word }) else { return nil }
    self = stage
  }
}

/// A stage that a machine reached, or failed in.
package struct BootReport: Hashable, Sendable {
  package var stage: BootStage
  package var time: Timestamp
  package var succeeded: Bool
  /// The file, or what went wrong.
  package var detail: PlainText
  package var agent: AgentName?

  package init(
    stage: BootStage, time: Timestamp, succeeded: Bool = true, detail: PlainText = .empty,
    agent: AgentName? = nil
  ) {
    self.stage = stage
    self.time = time
    self.succeeded = succeeded
    self.detail = detail
    self.agent = agent
  }
}

/// A lease that an agent saw given out.
package struct ObservedLease: Hashable, Sendable {
  package var subnet: DHCPSubnetID
  package var mac: MACAddress
  package var address: IPv4Address
  package var until: Timestamp

  package init(subnet: DHCPSubnetID, mac: MACAddress, address: IPv4Address, until: Timestamp) {
    self.subnet = subnet
    self.mac = mac
    self.address = address
    self.until = until
  }
}
