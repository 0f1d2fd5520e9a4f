package import Provisioning
package import RPC
internal import Wire

/// Why a request of the operator's side is refused where the store has no say.
package enum OperatorError: Error, Sendable, Hashable {
  /// Events this old are not kept any more.
  case eventsForgotten(after: UInt64, oldest: UInt64)
  /// No event has that number yet.
  case eventsUnknown(after: UInt64, newest: UInt64)
  /// The subnet has no such generation yet.
  case generationAhead(SubnetName, wanted: Generation, head: Generation)
  /// The stream of an import broke its own rules.
  case importProtocol(String)
}

extension OperatorError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .eventsForgotten(let after, let oldest):
      "events after \(after) are not kept any more; the oldest kept is \(oldest). Begin again without a token."
    case .eventsUnknown(let after, let newest):
      "there is no event \(after) yet; the newest is \(newest). The database may be a restored one: begin again without a token."
    case .generationAhead(let subnet, let wanted, let head):
      "generation \(wanted) of \(subnet) does not exist; the newest is \(head)."
    case .importProtocol(let what): "\(what)."
    }
  }
}

extension OperatorError: RPCErrorConvertible {
  package var rpcError: RPCError {
    switch self {
    case .eventsUnknown: ErrorDetails(reason: "EVENTS_UNKNOWN").error(.outOfRange, "\(self)")
    case .eventsForgotten: ErrorDetails(reason: "EVENTS_FORGOTTEN").error(.outOfRange, "\(self)")
    case .generationAhead: ErrorDetails(reason: "GENERATION_AHEAD").error(.invalidArgument, "\(self)")
    case .importProtocol: ErrorDetails(reason: "IMPORT_PROTOCOL").error(.invalidArgument, "\(self)")
    }
  }
}
