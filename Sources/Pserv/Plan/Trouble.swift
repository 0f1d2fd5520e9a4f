internal import Provisioning

/// Why an assigned subnet is not served, or not fully.
package struct Trouble: Sendable, Hashable {
  package var code: Code
  /// What is wrong and the way out where there is one, for an operator; without a full stop at the end, for the region
  /// makes it part of a sentence. At most 512 octets.
  package var message: String

  package static let octetsMax = 512

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = printable(message.hasSuffix(".") ? String(message.dropLast()) : message, octetsMax: Self.octetsMax - 3)
  }

  /// Stable; operators and programs match on it.
  package enum Code: String, Sendable, Hashable, CaseIterable {
    /// Another DHCP server answers on the link.
    case foreignServer = "FOREIGN_DHCP_SERVER"
    /// No named interface reaches the subnet, or the one that does is down.
    case noLink = "NO_LINK"
    /// The daemon runs and does not answer.
    case deaf = "DHCP_DEAF"
    /// The daemon answers, and gives some machine another address than its own.
    case wrongAddress = "WRONG_ADDRESS"
    /// The last good configuration serves; the newest could not be brought about.
    case applyFailed = "APPLY_FAILED"
    /// The DHCP server does not take the subnet's own options; the last good ones serve.
    case headerRefused = "HEADER_REFUSED"
    /// The pool would give away the agent's own address. If the last good header serves, it goes on.
    case poolHasOwnAddress = "POOL_HAS_OWN_ADDRESS"
    /// Another subnet of this agent has the same addresses. If the last good header serves, it goes on.
    case prefixOverlap = "PREFIX_OVERLAP"
    /// The region's rows could not be understood or do not sum up.
    case feedBroken = "FEED_BROKEN"
  }
}
