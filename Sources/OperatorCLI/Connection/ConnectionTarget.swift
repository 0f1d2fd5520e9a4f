/// Where the region is and how to speak to it.
package struct ConnectionTarget: Sendable, Hashable {
  /// `host:port`, `[v6]:port` or `unix:/path`.
  package var address: String
  /// Sent as `authorization: Bearer …`.
  package var token: String?
  /// Path of a PEM file with the authorities to trust; TLS is used when it or `usesTLS` is set.
  package var caFile: String?
  package var usesTLS: Bool

  package static let defaultAddress = "127.0.0.1:7610"
}
