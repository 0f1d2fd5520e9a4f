/// The other end of a connection.
public struct Peer: Sendable, Hashable {
  /// For logs and records: `127.0.0.1:54321`, `[::1]:54321`, `unix:/run/muster.sock` or `in-memory`.
  public var address: String
  /// Whether the peer is on this machine by construction: loopback TCP, a unix socket, or in-process.
  public var isLoopbackOrUnix: Bool
  /// Who the peer proved to be with a TLS certificate, if it showed one.
  public var tlsIdentity: TLSIdentity?

  public init(address: String, isLoopbackOrUnix: Bool, tlsIdentity: TLSIdentity? = nil) {
    self.address = address
    self.isLoopbackOrUnix = isLoopbackOrUnix
    self.tlsIdentity = tlsIdentity
  }

  public static let inMemory = Peer(address: "in-memory", isLoopbackOrUnix: true)
}

/// A certificate that was verified during the TLS handshake.
public struct TLSIdentity: Sendable, Hashable {
  /// The leaf certificate, DER.
  public var certificateDER: [UInt8]
  /// The DNS names of its subjectAltName.
  public var dnsNames: [String]

  public init(certificateDER: [UInt8], dnsNames: [String]) {
    self.certificateDER = certificateDER
    self.dnsNames = dnsNames
  }
}
