internal import NIOSSL

/// Certificates or a key, PEM, from a file or from memory.
public enum PEMSource: Sendable, Hashable {
  case file(String)
  case bytes([UInt8])
}

/// A server's side of TLS: 1.2 or newer, ALPN `h2`.
public struct ServerTLS: Sendable {
  public var certificateChain: PEMSource
  public var privateKey: PEMSource
  /// Whose client certificates are believed; nil asks for none.
  public var clientTrustRoots: PEMSource?
  /// Whether a client without a certificate is turned away. Only with `clientTrustRoots`.
  public var requiresClientCertificate: Bool

  public init(
    certificateChain: PEMSource, privateKey: PEMSource, clientTrustRoots: PEMSource? = nil,
    requiresClientCertificate: Bool = true
  ) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
    self.clientTrustRoots = clientTrustRoots
    self.requiresClientCertificate = requiresClientCertificate
  }

  /// Reads the files.
  func context() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try certificateChain.certificates().map { .certificate($0) },
      privateKey: .privateKey(try privateKey.privateKey()))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    if let clientTrustRoots {
      configuration.trustRoots = .certificates(try clientTrustRoots.certificates())
      configuration.certificateVerification =
        requiresClientCertificate ? .noHostnameVerification : .optionalVerification
    }
    return try NIOSSLContext(configuration: configuration)
  }
}

/// A client's side of TLS.
public struct ClientTLS: Sendable {
  /// Whose server certificates are believed; nil for the system's.
  public var trustRoots: PEMSource?
  /// The name the certificate must carry; nil for the host of the address.
  public var serverName: String?
  /// What the client shows of itself, if the server asks.
  public var certificateChain: PEMSource?
  public var privateKey: PEMSource?

  public init(
    trustRoots: PEMSource? = nil, serverName: String? = nil, certificateChain: PEMSource? = nil,
    privateKey: PEMSource? = nil
  ) {
    self.trustRoots = trustRoots
    self.serverName = serverName
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }

  func context() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    if let trustRoots { configuration.trustRoots = .certificates(try trustRoots.certificates()) }
    if let certificateChain { configuration.certificateChain = try certificateChain.certificates().map { .certificate($0) } }
    if let privateKey { configuration.privateKey = .privateKey(try privateKey.privateKey()) }
    return try NIOSSLContext(configuration: configuration)
  }
}

extension PEMSource {
  func certificates() throws -> [NIOSSLCertificate] {
    switch self {
    case .file(let path): try NIOSSLCertificate.fromPEMFile(path)
    case .bytes(let bytes): try NIOSSLCertificate.fromPEMBytes(bytes)
    }
  }

  func privateKey() throws -> NIOSSLPrivateKey {
    switch self {
    case .file(let path): try NIOSSLPrivateKey(file: path, format: .pem)
    case .bytes(let bytes): try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    }
  }
}
