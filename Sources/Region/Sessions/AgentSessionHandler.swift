internal import Logging
internal import Provisioning
package import RPC
internal import Store
package import Wire

/// The agents' side of the region: enrolment, and one session for the life of a connection.
package struct AgentSessionHandler: MusterV1.AgentSessionService {
  private let context: RegionContext
  private let lease: Duration

  /// - Parameter lease: How long a session is believed without a Renew.
  package init(context: RegionContext, lease: Duration) {
    self.context = context
    self.lease = lease
  }

  package func enroll(
    _ request: MusterV1.EnrollRequest, context call: ServerContext
  ) async throws -> MusterV1.EnrollResponse {
    let name: AgentName
    do { name = try AgentName(request.agent) } catch {
      throw Refusal.unknownAgent(request.agent)
    }
    guard request.attempt.count == Self.attemptOctets else {
      throw RPCError(.invalidArgument, "attempt must be \(Self.attemptOctets) octets")
    }
    let random = context.random
    let credential = Secret.text((random(), random(), random(), random()))
    let hash = SecretHash(of: credential).octets
    let token = SecretHash(of: request.token).octets
    let (agent, isFirst) = try await context.store.write { transaction in
      let before = try transaction.agent(named: name)
      let agent: Agent
      do {
        agent = try transaction.enroll(name, token: token, attempt: request.attempt, credential: hash)
      } catch Refusal.unknownAgent {
        // Who has no token learns nothing about which agents there are.
        throw Refusal.notEnrolled(name)
      }
      let isFirst = before?.state == .pending
      if isFirst {
        try transaction.record(Event(.agentEnrolled, actor: .agent(name), agent: name, message: "\(name) enrolled"))
      }
      return (agent, isFirst)
    }
    context.logger.info(
      "an agent enrolled", metadata: ["agent": "\(name)", "peer": "\(call.peer.address)", "first": "\(isFirst)"])
    return MusterV1.EnrollResponse(agentUid: agent.id.description, credential: credential)
  }

  /// Octets of `EnrollRequest.attempt`.
  static let attemptOctets = 16

  package func session(
    _ requests: RequestStream<MusterV1.AgentMessage>,
    responses: ResponseWriter<MusterV1.RegionMessage>,
    context call: ServerContext
  ) async throws {
    guard case .agent(let agent) = call.principal else {
      throw RPCError(.unauthenticated, "an agent's credential is required; enrol first")
    }
    guard case .hello(let hello)? = try await requests.next()?.message else {
      throw RPCError(.invalidArgument, "the first message of a session is Hello")
    }
    let greeting = try Greeting(hello, from: agent)
    guard !context.sessions.isDisplaced(greeting.boot, of: agent) else { throw RPCError.displaced(agent) }
    let claim = try await SessionOpening(context: context, greeting: greeting).claim()
    let shell = SessionShell(AgentSession(hello: hello, claim: claim, lease: lease), context: context)
    // Before it attaches, for that can fail half-way; who is not attached detaches nothing.
    defer { context.sessions.detach(claim.epoch, of: agent) }
    try await attach(shell, claim: claim, greeting: greeting)
    let metadata: Logger.Metadata = [
      "agent": "\(agent)", "session": "\(claim.epoch)", "peer": "\(call.peer.address)", "version": "\(greeting.version)",
    ]
    context.logger.info("session begun", metadata: metadata)
    do {
      try await shell.run(requests, responses)
      context.logger.info("session ended", metadata: metadata)
    } catch {
      context.logger.info("session ended", metadata: metadata.merging(["error": "\(error)"]) { $1 })
      throw error
    }
  }

  private func attach(_ shell: SessionShell, claim: SessionClaim, greeting: Greeting) async throws {
    let agent = greeting.agent
    let handle = SessionRegistry.Handle(session: claim.epoch, boot: greeting.boot) { [weak shell] in shell?.end($0) }
    guard
      let attachment = context.sessions.attach(
        handle, agent: agent, links: greeting.shownLinks, now: context.clocks.now(), uptime: context.clocks.uptime())
    else { throw RPCError.replaced(agent) }
    context.hub.wake(.agent(agent))
    if attachment.displacedOtherBoot {
      context.logger.error("two machines use one agent's identity", metadata: ["agent": "\(agent)"])
    }
    guard attachment.cameOnline || attachment.displacedOtherBoot else { return }
    try await context.store.write { transaction in
      if attachment.cameOnline {
        try transaction.record(Event(.agentOnline, actor: .agent(agent), agent: agent, message: "\(agent) is online"))
      }
      if attachment.displacedOtherBoot {
        try transaction.record(
          Event(
            .twoAgentsOneIdentity, actor: .agent(agent), agent: agent,
            message: "two machines, or two starts of one process, use the identity of \(agent); the older one was "
              + "told to stop. If both are to run, announce a second agent"))
      }
    }
  }
}

/// A Hello, checked.
struct Greeting: Sendable {
  var agent: AgentName
  var boot: BootID
  var version: PlainText
  var protocolVersion: UInt32
  var links: [AgentLink]
  /// The same as it was said.
  var shownLinks: [MusterV1.Link]
  var haves: [MusterV1.Have]

  /// - Throws: `RPCError` for what this region cannot talk to.
  init(_ hello: MusterV1.Hello, from agent: AgentName) throws {
    guard hello.agent.lowercased() == agent.text else {
      throw RPCError(.permissionDenied, "the credential is that of agent \(agent)")
    }
    guard hello.protocolVersion >= SessionProtocol.versionMin else {
      throw RPCError(.failedPrecondition, "session protocol \(hello.protocolVersion) is too old; upgrade the agent")
    }
    guard hello.digestVersion == SubnetDigest.version else {
      throw RPCError(
        .failedPrecondition, "digest version \(hello.digestVersion) is not \(SubnetDigest.version); upgrade the agent")
    }
    guard hello.have.count <= AgentSession.havesMax, hello.links.count <= Agent.linksMax else {
      throw RPCError(.resourceExhausted, "more than \(AgentSession.havesMax) subnets or \(Agent.linksMax) links")
    }
    self.agent = agent
    do {
      boot = try BootID(octets: hello.boot, field: "Hello.boot")
      links = try hello.links.map { try AgentLink($0) }
    } catch let error as SessionError {
      throw RPCError(.invalidArgument, "\(error)")
    }
    version = PlainText(sanitizing: hello.version)
    protocolVersion = hello.protocolVersion
    shownLinks = hello.links
    haves = hello.have
  }
}
