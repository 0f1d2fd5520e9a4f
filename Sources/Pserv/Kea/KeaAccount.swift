internal import Glibc

/// Whom Kea runs as. It parses what strangers send, so it should not be root.
package enum KeaAccount: Sendable, Hashable {
  /// The agent's own: it is not root and cannot choose, or an operator wants it so.
  case agents
  /// With raw sockets and low ports, and nothing else.
  case own(String)
  /// Debian's account for Kea is not there and nobody asked for another: Kea runs as root, and the log says so.
  case preferredIsMissing
  case missing

  /// What Debian's package makes.
  package static let preferred = "_kea"

  package init(named name: String, agentIsRoot: Bool, userID: (String) -> UInt32?) {
    guard agentIsRoot else {
      self = .agents
      return
    }
    switch userID(name) {
    case 0: self = .agents
    case .some: self = .own(name)
    case nil: self = name == Self.preferred ? .preferredIsMissing : .missing
    }
  }

  /// On this host.
  package init(named name: String) {
    self.init(named: name, agentIsRoot: geteuid() == 0) { name in getpwnam(name).map(\.pointee.pw_uid) }
  }
}
