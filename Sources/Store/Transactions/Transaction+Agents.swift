package import Provisioning

/// A session that its agent holds alone.
package struct SessionClaimed: Hashable, Sendable {
  package var agent: Agent
  package var session: SessionEpoch
  /// The boot that held the session before, if it was another.
  package var displaced: BootID?
}

extension Transaction {
  /// Announces an agent.
  ///
  /// - Parameters:
  ///   - token: SHA-256 of the one-time token that turns the agent into an enrolled one.
  /// - Throws: `Refusal.agentExists`, `Refusal.limitReached`.
  package mutating func createAgent(
    _ name: AgentName, token: [UInt8], tokenExpires: Timestamp, allowedSubnets: [SubnetName] = []
  ) throws -> Agent {
    guard try tables.agent(name) == nil else { throw Refusal.agentExists(name) }
    guard try tables.agentCount() < StoreLimits.agentsMax else {
      throw Refusal.limitReached(what: "agents", max: StoreLimits.agentsMax)
    }
    let agent = Agent(id: identifier(), name: name, allowedSubnets: allowedSubnets, created: now)
    try tables.insertAgent(agent)
    try tables.setSecrets(AgentSecrets(token: token, tokenExpires: tokenExpires), of: name)
    notice.agents.insert(name)
    return agent
  }

  /// Gives an agent a new token. Its credential and its session end now; its subnets stay its own.
  package mutating func reissueToken(
    of name: AgentName, token: [UInt8], tokenExpires: Timestamp
  ) throws -> Agent {
    guard var agent = try tables.agent(name) else { throw Refusal.unknownAgent(name.text) }
    agent.session = agent.session.next
    agent.boot = nil
    agent.revision = agent.revision.next
    try tables.updateAgent(agent)
    try tables.setSecrets(AgentSecrets(token: token, tokenExpires: tokenExpires), of: name)
    notice.agents.insert(name)
    return agent
  }

  /// Turns a one-time token into a lasting credential. A repeat with the same token and attempt, after
  /// a lost answer, gets the credential given this time.
  ///
  /// - Throws: `Refusal.notEnrolled` if the token is wrong, too old, or was used with another attempt.
  package mutating func enroll(
    _ name: AgentName, token: [UInt8], attempt: [UInt8], credential: [UInt8]
  ) throws -> Agent {
    guard var agent = try tables.agent(name), var secrets = try tables.secrets(of: name), secrets.token == token,
      let expires = secrets.tokenExpires, expires > now, secrets.attempt == nil || secrets.attempt == attempt
    else { throw Refusal.notEnrolled(name) }
    secrets.attempt = attempt
    secrets.credential = credential
    try tables.setSecrets(secrets, of: name)
    if agent.state == .pending {
      agent.state = .enrolled
      agent.revision = agent.revision.next
      try tables.updateAgent(agent)
    }
    notice.agents.insert(name)
    return agent
  }

  /// Starts a session. Older sessions of the agent do not count from now on; the token, if it is still
  /// there, cannot be used again.
  package mutating func claimSession(
    of name: AgentName, boot: BootID, links: [AgentLink], version: PlainText, protocolVersion: UInt32
  ) throws -> SessionClaimed {
    guard var agent = try tables.agent(name) else { throw Refusal.unknownAgent(name.text) }
    let displaced = agent.boot == boot ? nil : agent.boot
    agent.session = agent.session.next
    agent.boot = boot
    agent.version = version
    agent.protocolVersion = protocolVersion
    agent.lastSeen = now
    try update(&agent, links)
    if var secrets = try tables.secrets(of: name), secrets.credential != nil, secrets.token != nil {
      (secrets.token, secrets.tokenExpires, secrets.attempt) = (nil, nil, nil)
      try tables.setSecrets(secrets, of: name)
    }
    return SessionClaimed(agent: agent, session: agent.session, displaced: displaced)
  }

  /// Notes that a session lives, and what the agent says of itself; `nil` leaves the links.
  ///
  /// - Throws: `Refusal.superseded` if the session is not the newest.
  package mutating func renewSession(
    of name: AgentName, session: SessionEpoch, links: [AgentLink]? = nil, warnings: [PlainText] = []
  ) throws {
    guard var agent = try tables.agent(name), agent.session == session else { throw Refusal.superseded }
    let known = agent
    agent.lastSeen = now
    agent.warnings = Array(warnings.prefix(Agent.warningsMax))
    if let links, links != agent.links { return try update(&agent, links) }
    try tables.updateAgent(agent)
    if agent.warnings != known.warnings { notice.agents.insert(name) }
  }

  private mutating func update(_ agent: inout Agent, _ links: [AgentLink]) throws {
    if links != agent.links {
      agent.links = links.prefix(Agent.linksMax).map { link in
        AgentLink(
          interface: link.interface, fabric: link.fabric,
          addresses: Array(link.addresses.prefix(AgentLink.addressesMax)), isUp: link.isUp)
      }
      try tables.setLinkAddresses(agent.links, of: agent.name)
    }
    try tables.updateAgent(agent)
    notice.agents.insert(agent.name)
  }

  /// Moves an agent between enrolled, draining and drained.
  package mutating func setState(_ state: Agent.State, of name: AgentName) throws -> Agent {
    guard var agent = try tables.agent(name) else { throw Refusal.unknownAgent(name.text) }
    guard agent.state != state else { return agent }
    agent.state = state
    agent.revision = agent.revision.next
    try tables.updateAgent(agent)
    notice.agents.insert(name)
    return agent
  }

  /// Removes an agent with its identity.
  ///
  /// - Parameter force: Take its subnets away although it may still serve them.
  /// - Returns: The numbers of the subnets that have no owner now.
  /// - Throws: `Refusal.agentOwnsSubnets` without `force`, also when it may still serve subnets that were removed.
  package mutating func removeAgent(_ name: AgentName, force: Bool) throws -> [DHCPSubnetID] {
    guard try tables.agent(name) != nil else { throw Refusal.unknownAgent(name.text) }
    let owned = try tables.subnetNumbers(ownedBy: name, limit: StoreLimits.subnetsMax)
    let retired = try tables.retired(ownedBy: name, limit: StoreLimits.subnetsMax).count
    guard owned.count + retired == 0 || force else { throw Refusal.agentOwnsSubnets(name, count: owned.count + retired) }
    for dhcpID in owned { _ = try assign(dhcpID, to: nil) }
    // Who forces it vouches for the agent: it serves nothing any more.
    try confirmReleases(by: name, except: [])
    try tables.setLinkAddresses([], of: name)
    try tables.setBootFiles([], of: name)
    try tables.deleteAgent(name)
    notice.agents.insert(name)
    return owned
  }

  /// Replaces what is known of the files an agent has; at most `BootFile.countMax` are kept.
  package mutating func setBootFiles(_ files: [BootFile], of name: AgentName) throws {
    try tables.setBootFiles(Array(files.prefix(BootFile.countMax)), of: name)
    notice.agents.insert(name)
  }
}
