internal import struct Foundation.Data
internal import GRDB
package import Provisioning

/// Everything the mirror holds but the spool, as a value.
package struct MirrorContent: Sendable, Hashable {
  package var subnets: [DHCPSubnetID: MirroredSubnet] = [:]
  package var profiles = BootProfiles.builtIn
  /// Orders to boot once whose scripts were handed out, while they are in force.
  package var orders: [BindingKey: BootOnceProgress] = [:]
  package var identity = AgentIdentity()
  /// Enlistments in the spool.
  package var spooled = 0

  package init() {}

  /// Subnets in a fixed order, for effects.
  package var ordered: [MirroredSubnet] { subnets.values.sorted { $0.dhcpID < $1.dhcpID } }

  /// What was last applied, and what a restarted agent serves until it knows better.
  package var appliedState: RackState {
    RackState(subnets: subnets.values.compactMap { $0.applied?.subnet }, profiles: profiles)
  }

  /// What to return to when an apply fails: what was last applied, less the subnets that were revoked or turned off since.
  package var fallbackState: RackState {
    RackState(
      subnets: subnets.values.compactMap { mirrored in
        guard mirrored.isOwned, mirrored.received.header?.isDHCPOn == true else { return nil }
        return mirrored.applied?.subnet
      }, profiles: profiles)
  }

  /// The bindings in quarantine, in a fixed order.
  package var rejectedBindings: [Binding] {
    ordered.flatMap { $0.applied?.rejected ?? [] }.map(\.binding)
  }

  /// The boot-once orders that were used up, in a fixed order.
  package var bootOnceUses: [BootOnceUse] {
    orders.filter(\.value.isUsedUp).map { BootOnceUse(key: $0.key, token: $0.value.token) }.sorted { $0.key < $1.key }
  }
}

/// Who the agent is to the region.
package struct AgentIdentity: Sendable, Hashable {
  package var uid = ""
  /// Sent with every session; empty before enrolment. Never logged.
  package var credential = ""
  /// The one-time token that got it; a different one in the token file means that an operator issued another.
  package var spentToken = ""
  /// Drawn before the first attempt to enrol, kept until one succeeded; 16 octets or empty.
  package var attempt: [UInt8] = []
  /// Another machine took over this agent's name. Set until an operator says otherwise.
  package var isDisplaced = false

  package init() {}
}

extension MirrorContent {
  init(reading db: Database) throws {
    for row in try Row.fetchAll(db, sql: "SELECT * FROM subnet") {
      let id = DHCPSubnetID(number: row["dhcp_id"])
      var subnet = MirroredSubnet(
        dhcpID: id, name: try SubnetName(row["name"]), epochMax: Epoch(UInt64(bitPattern: row["epoch_max"])),
        isOwned: row["is_owned"])
      subnet.received.incarnation = bytes(row["incarnation"])
      subnet.received.generation = Generation(UInt64(bitPattern: row["generation"]))
      subnet.received.digest = SubnetDigest(bits: try MirrorEncoding.bits(bytes(row["digest"])))
      if let header: Data = row["header"] { subnet.received.header = try MirrorEncoding.header(Array(header)) }
      subnet.received.headerGeneration = Generation(UInt64(bitPattern: row["header_generation"]))
      subnet.received.bindings = try Self.bindings(of: id, copy: MirrorSchema.receivedCopy, db)
      if let server: UInt32 = row["blocked_by"], let generation: Int64 = row["blocked_header_generation"] {
        subnet.block = ForeignBlock(
          server: IPv4Address(bits: server), headerGeneration: Generation(UInt64(bitPattern: generation)))
      }
      subnets[id] = subnet
    }
    for row in try Row.fetchAll(db, sql: "SELECT * FROM applied_subnet") {
      let id = DHCPSubnetID(number: row["dhcp_id"])
      var attachment: Attachment?
      if let interface: String = row["interface"], let address: UInt32 = row["agent_address"] {
        attachment = Attachment(
          interface: interface, agentAddress: IPv4Address(bits: address), isRelayed: row["is_relayed"] ?? false)
      }
      let left = try MirrorEncoding.leasesLeft(bytes(row["leases_left"]))
      subnets[id]?.applied = AppliedSubnet(
        subnet: ServedSubnet(
          header: try MirrorEncoding.header(bytes(row["header"])), epoch: Epoch(UInt64(bitPattern: row["epoch"])),
          generation: Generation(UInt64(bitPattern: row["generation"])), attachment: attachment,
          answersDHCP: row["answers_dhcp"],
          bindings: try Self.bindings(of: id, copy: MirrorSchema.appliedCopy, db)),
        incarnation: bytes(row["incarnation"]),
        digest: SubnetDigest(bits: try MirrorEncoding.bits(bytes(row["digest"]))),
        headerGeneration: Generation(UInt64(bitPattern: row["header_generation"])),
        rejected: try Self.rejected(of: id, db), leasesLeft: left.leases, leasesMoreUntil: left.moreUntil)
    }
    for row in try Row.fetchAll(db, sql: "SELECT dhcp_id, leases FROM handover") {
      let leases: Data? = row["leases"]
      subnets[DHCPSubnetID(number: row["dhcp_id"])]?.handover =
        try leases.map { .received(try MirrorEncoding.leases(bytes($0))) } ?? .awaited
    }
    for row in try Row.fetchAll(db, sql: "SELECT * FROM boot_once_use") {
      let key = BindingKey(
        subnet: DHCPSubnetID(number: row["dhcp_id"]), mac: try MACAddress(bits: UInt64(bitPattern: row["mac"])))
      orders[key] = BootOnceProgress(token: UInt64(bitPattern: row["token"]), isUsedUp: row["is_used_up"])
    }
    var meta: [String: [UInt8]] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT key, value FROM meta") { meta[row["key"]] = bytes(row["value"]) }
    if let profiles = meta[MetaKey.profiles] { self.profiles = try MirrorEncoding.profiles(profiles) }
    identity.uid = String(decoding: meta[MetaKey.uid] ?? [], as: UTF8.self)
    identity.credential = String(decoding: meta[MetaKey.credential] ?? [], as: UTF8.self)
    identity.spentToken = String(decoding: meta[MetaKey.spentToken] ?? [], as: UTF8.self)
    identity.attempt = meta[MetaKey.attempt] ?? []
    identity.isDisplaced = meta[MetaKey.isDisplaced] == [1]
    spooled = try Int.fetchOne(db, sql: "SELECT count(*) FROM enlistment") ?? 0
  }

  private static func bindings(of id: DHCPSubnetID, copy: Int, _ db: Database) throws -> [Binding] {
    try Row.fetchAll(
      db, sql: "SELECT row FROM binding WHERE copy = ? AND dhcp_id = ? ORDER BY mac", arguments: [copy, id.number]
    ).map { try MirrorEncoding.binding(bytes($0["row"])) }
  }

  private static func rejected(of id: DHCPSubnetID, _ db: Database) throws -> [RejectedBinding] {
    try Row.fetchAll(db, sql: "SELECT * FROM rejected WHERE dhcp_id = ? ORDER BY mac", arguments: [id.number]).map { row in
      let code = RejectionReason.Code(rawValue: row["code"]) ?? .refusedByServer
      return RejectedBinding(
        binding: try MirrorEncoding.binding(bytes(row["row"])), reason: RejectionReason(code, row["words"]))
    }
  }
}

/// Keys of the table `meta`.
enum MetaKey {
  static let profiles = "profiles"
  static let uid = "uid"
  static let credential = "credential"
  static let spentToken = "spent_token"
  static let attempt = "attempt"
  static let isDisplaced = "is_displaced"
}

func bytes(_ data: Data) -> [UInt8] { Array(data) }
