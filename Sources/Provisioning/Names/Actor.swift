/// Who made a change: a name from the tokens file, `local`, or `agent/rack1`. 1 to 128 octets of
/// printable text.
package struct Actor: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package static let octetsMax = 128
  /// A caller on a unix socket or loopback, where no tokens are configured.
  package static let local = Actor("local")
  /// The region itself, for example a takeover or an expiry.
  package static let region = Actor("region")

  /// Unprintable characters are written as escapes, so any name can be recorded.
  package init(_ name: String) {
    text = name.isEmpty ? "unknown" : printable(name, octetsMax: Self.octetsMax)
  }

  package static func agent(_ name: AgentName) -> Actor { Actor("agent/\(name)") }

  package var description: String { text }
}
