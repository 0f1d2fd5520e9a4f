package import RPC

/// One of the region's addresses, with the channel to it.
package struct RegionEndpoint: Sendable {
  /// As the operator wrote it.
  package var name: String
  package var channel: any Channel

  package init(name: String, channel: any Channel) {
    self.name = name
    self.channel = channel
  }
}

/// What the end of a session means for the agent.
package enum SessionEnd: Sendable, Hashable {
  /// Try again, here or at another address.
  case again(String)
  /// The credential is not accepted; a new token may help.
  case unauthenticated(String)
  /// Another machine took over this agent's identity.
  case displaced(String)

  /// - Parameter error: What the call was ended with.
  package init(_ error: any Error) {
    guard let error = error as? RPCError else {
      self = .again("\(error)")
      return
    }
    switch error.code {
    case .unauthenticated, .permissionDenied: self = .unauthenticated(error.message)
    case .failedPrecondition where error.message.contains(Self.displacementWord): self = .displaced(error.message)
    default: self = .again("\(error)")
    }
  }

  /// Stands in the region's words when a different start of an agent's process takes over; a newer session of the same
  /// process does not say it.
  static let displacementWord = "AGENT_DISPLACED"
}
