internal import ArgumentParser

/// Options of every command that talks to the region.
struct GlobalOptions: ParsableArguments {
  @Option(help: "The region: host:port or unix:/path. (environment: MUSTER_REGION; default: \(ConnectionTarget.defaultAddress))")
  var region: String?

  @Option(help: "File with the operator's token. (environment: MUSTER_TOKEN_FILE)")
  var tokenFile: String?

  @Option(help: "PEM file of the authority that signed the region's certificate; switches TLS on. (environment: MUSTER_CA)")
  var ca: String?

  @Option(name: .shortAndLong, help: "Output as table, json or name.")
  var output: OutputFormat = .table

  /// Unary calls are given up after this long (seconds).
  static let callSecondsMax = 30

  func target(_ surroundings: Surroundings) throws -> ConnectionTarget {
    let file = try ClientConfiguration.load(surroundings)
    let tokenPath = tokenFile ?? surroundings.variable("MUSTER_TOKEN_FILE") ?? file.tokenFile
    let caPath = ca ?? surroundings.variable("MUSTER_CA") ?? file.ca
    if let caPath { try Self.checkAuthority(caPath, surroundings) }
    return ConnectionTarget(
      address: region ?? surroundings.variable("MUSTER_REGION") ?? file.region ?? ConnectionTarget.defaultAddress,
      token: try tokenPath.map { try Self.token(in: $0, surroundings) },
      caFile: caPath,
      usesTLS: caPath != nil || file.tls == true)
  }

  /// The library would say only that it could not load it, and an operator would look at the region.
  private static func checkAuthority(_ path: String, _ surroundings: Surroundings) throws {
    let text = String(decoding: try surroundings.readFile(path), as: UTF8.self)
    guard text.contains("-----BEGIN CERTIFICATE-----") else {
      throw CommandFailure(.usage, "\(path) holds no certificate; --ca takes the PEM file of the region's authority")
    }
  }

  private static func token(in path: String, _ surroundings: Surroundings) throws -> String {
    let bytes = try surroundings.readFile(path)
    let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
    guard let token, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw CommandFailure(.usage, "\(path) holds no token; it is one line of printable characters")
    }
    return token
  }
}
