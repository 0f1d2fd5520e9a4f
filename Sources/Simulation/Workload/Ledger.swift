internal import Provisioning
internal import RPC
internal import Wire

/// What operators were told, to compare with what the region says later.
struct Ledger {
  enum Known: Hashable {
    /// The region said OK to a write that left the node at this revision, or a later one.
    case exists(revision: UInt64)
    case gone
    /// An answer was lost: anything between before and after.
    case uncertain
  }

  private(set) var nodes: [String: Known] = [:]
  private(set) var acknowledged = 0
  private(set) var refused = 0
  private(set) var lost = 0

  mutating func note(_ outcome: Outcome, of names: [String], _ known: (String) -> Known) {
    switch outcome {
    case .done:
      acknowledged += 1
      for name in names { nodes[name] = known(name) }
    case .refused:
      refused += 1
    case .lost:
      lost += 1
      for name in names { nodes[name] = .uncertain }
    }
  }

  /// What contradicts an acknowledgement.
  func problems(in listed: [MusterV1.Node]) -> [String] {
    let revisions = Dictionary(listed.map { ($0.name, $0.revision) }) { $1 }
    return nodes.sorted { $0.key < $1.key }.compactMap { name, known in
      switch (known, revisions[name]) {
      case (.uncertain, _), (.gone, nil): nil
      case (.gone, let revision?): "\(name) was removed and is there at revision \(revision)"
      case (.exists(let acknowledged), nil): "\(name) was acknowledged at revision \(acknowledged) and is gone"
      case (.exists(let acknowledged), let revision?):
        revision < acknowledged ? "\(name) is at revision \(revision), acknowledged was \(acknowledged)" : nil
      }
    }
  }
}

/// What became of an operator's call.
enum Outcome: Hashable {
  case done
  /// The region said no, and why.
  case refused
  /// Nobody knows whether it was carried out.
  case lost

  /// - Returns: Nil for a status that says nothing an operator could act on.
  init?(_ error: RPCError) {
    switch error.code {
    case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .aborted, .resourceExhausted: self = .refused
    case .unavailable, .deadlineExceeded, .cancelled: self = .lost
    case .ok, .unknown, .permissionDenied, .outOfRange, .unimplemented, .internalError, .dataLoss, .unauthenticated:
      return nil
    }
  }
}
