internal import Provisioning

/// The cold part of an agent's row. Byte 0 is the version.
enum AgentDocument {
  static let version: UInt8 = 1

  static func encode(_ agent: Agent) -> [UInt8] {
    var out = ByteWriter(reserving: 192)
    out.uint8(version)
    out.uint128(agent.id.bits)
    out.text(agent.name.text)
    out.uint8(agent.state.rawValue)
    out.list(agent.allowedSubnets) { $0.text($1.text) }
    out.list(agent.links) { out, link in
      out.text(link.interface.text)
      out.text(link.fabric.text)
      out.list(link.addresses) { $0.uint32($1.bits) }
      out.uint8(link.isUp ? 1 : 0)
    }
    out.text(agent.version.text)
    out.uint32(agent.protocolVersion)
    out.uint64(agent.session.number)
    out.uint8(agent.boot == nil ? 0 : 1)
    out.uint128(agent.boot?.bits ?? 0)
    out.uint8(agent.lastSeen == nil ? 0 : 1)
    out.timestamp(agent.lastSeen ?? Timestamp(nanoseconds: 0))
    out.list(agent.warnings) { $0.text($1.text) }
    out.uint64(agent.revision.number)
    out.timestamp(agent.created)
    return out.bytes
  }

  static func decode(_ bytes: [UInt8]) throws -> Agent {
    try readingStored("agent") {
      var read = ByteReader(bytes)
      guard try read.uint8() == version else { throw ByteReaderError() }
      let id = AgentID(bits: try read.uint128())
      let name = try AgentName(try read.text())
      guard let state = Agent.State(rawValue: try read.uint8()) else { throw ByteReaderError() }
      let allowed = try read.list { try SubnetName(try $0.text()) }
      let links = try read.list { read in
        AgentLink(
          interface: try InterfaceName(try read.text()), fabric: try FabricName(try read.text()),
          addresses: try read.addresses(), isUp: try read.uint8() == 1)
      }
      let version = try PlainText(try read.text())
      let protocolVersion = try read.uint32()
      let session = SessionEpoch(try read.uint64())
      let hasBoot = try read.uint8() == 1
      let boot = BootID(bits: try read.uint128())
      let wasSeen = try read.uint8() == 1
      let seen = try read.timestamp()
      return Agent(
        id: id, name: name, state: state, allowedSubnets: allowed, links: links, version: version,
        protocolVersion: protocolVersion, session: session, boot: hasBoot ? boot : nil, lastSeen: wasSeen ? seen : nil,
        warnings: try read.list { try PlainText(try $0.text()) }, revision: Revision(try read.uint64()),
        created: try read.timestamp())
    }
  }
}
