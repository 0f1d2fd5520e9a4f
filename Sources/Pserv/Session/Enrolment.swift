internal import Logging
internal import Provisioning
internal import RPC
internal import Wire

/// Turns the one-time token into the agent's lasting credential.
struct Enrolment: Sendable {
  let rack: Rack
  /// Reads the token file; `nil` if there is none.
  let token: @Sendable () throws -> String?

  /// The credential to use: the stored one, or a new one if a token was issued that was not spent yet.
  ///
  /// - Parameter isRefused: The region did not accept the stored credential.
  /// - Throws: `RPCError` of the attempt; `EnrolmentError` when there is nothing to enrol with.
  func credential(at region: RegionEndpoint, isRefused: Bool) async throws -> String {
    var identity = rack.mirror.content.identity
    guard identity.credential.isEmpty || isRefused else { return identity.credential }
    guard let token = try token(), !token.isEmpty else {
      throw identity.credential.isEmpty ? EnrolmentError.noToken : EnrolmentError.refused
    }
    guard token != identity.spentToken else { throw EnrolmentError.refused }
    if identity.attempt.isEmpty {
      identity.attempt = bigEndian(rack.random()) + bigEndian(rack.random())
      // Durable first: a repeat after a lost answer must carry the same key.
      try rack.mirror.storeIdentity(identity)
    }
    var request = MusterV1.EnrollRequest()
    request.agent = rack.name.text
    request.token = token
    request.attempt = identity.attempt
    let client = MusterV1.AgentSessionServiceClient(channel: region.channel)
    let response = try await client.enroll(request, options: CallOptions(timeout: Self.timeout))
    identity.uid = response.agentUid
    identity.credential = response.credential
    identity.spentToken = token
    identity.attempt = []
    try rack.mirror.storeIdentity(identity)
    rack.log.info("enrolled", metadata: ["agent": "\(rack.name)", "region": "\(region.name)"])
    return identity.credential
  }

  static let timeout: Duration = .seconds(15)
}

/// Why the agent cannot say who it is.
enum EnrolmentError: Error, Sendable, Hashable, CustomStringConvertible {
  case noToken, refused

  var description: String {
    switch self {
    case .noToken:
      "this agent is not enrolled and has no token. Get one with 'muster agent add', write it to the token_file."
    case .refused:
      "the region does not accept this agent's credential. Get a new token with 'muster agent token', write it to the token_file."
    }
  }
}
