package import Provisioning

/// What an engine provides: rows in and rows out, no rules. All calls happen inside one transaction
/// or snapshot, from one thread, and throw `StoreError`.
package protocol Tables: AnyObject, NodeTables, BindingTables, SubnetTables, AgentTables, RecordTables {
  func incarnation() throws -> Incarnation
  func setIncarnation(_ incarnation: Incarnation) throws
  /// By how much the wall clock had been set ahead, nanoseconds; 0 if that was never told.
  func clockJumps() throws -> Int64
  func setClockJumps(_ nanoseconds: Int64) throws
  /// A number no subnet ever had.
  func takeDHCPSubnetID() throws -> DHCPSubnetID?
  func profilesRevision() throws -> Revision
  func setProfilesRevision(_ revision: Revision) throws
}

package protocol NodeTables {
  func node(_ id: NodeID) throws -> Node?
  func nodeID(named name: NodeName) throws -> NodeID?
  func nodeIDs(serial: SerialNumber, limit: Int) throws -> [NodeID]
  func nodeIDs(uuid: HardwareUUID, limit: Int) throws -> [NodeID]
  func interfaces(with mac: MACAddress) throws -> [Occupancy.MACHolder]
  /// - Precondition: no node has the id or the name.
  func insertNode(_ node: Node) throws
  /// The name is that of the stored node.
  func updateNode(_ node: Node) throws
  func deleteNode(_ id: NodeID) throws
  func insertInterface(_ row: InterfaceRow) throws
  func deleteInterface(mac: MACAddress, fabric: FabricName?) throws
  func insertTag(_ tag: Tag, of node: Node) throws
  func deleteTag(_ tag: Tag, of node: Node) throws
  func changeCount(of state: NodeState, by delta: Int) throws
  func nodeCounts() throws -> [NodeState: Int]
  /// Nodes in natural order after `key` that pass the filter; reads at most `scan` rows.
  func nodes(_ filter: NodeFilter, after key: [UInt8], limit: Int, scan: Int) throws -> Page<Node>
  /// Some node that boots the profile, always or once.
  func node(using profile: ProfileName) throws -> NodeName?
}

package protocol BindingTables {
  func binding(_ key: BindingKey) throws -> BindingRow?
  func holder(of place: SubnetAddress) throws -> Occupancy.AddressHolder?
  /// Reserved addresses, ascending.
  func addresses(in subnet: DHCPSubnetID, from: IPv4Address, limit: Int) throws -> [IPv4Address]
  func firstReservation(in subnet: DHCPSubnetID, _ range: AddressRange) throws -> (IPv4Address, NodeName)?
  /// Takes the address out of a row that is about to be written, so that another may have it.
  func clearAddress(_ key: BindingKey) throws
  func putBinding(_ row: BindingRow, subnet: DHCPSubnetID) throws
  /// Rows after the position, ascending by generation and MAC. Tombstones up to
  /// `skippingTombstonesThrough` are left out.
  func feedRows(
    _ subnet: DHCPSubnetID, after generation: Generation, mac: UInt64,
    skippingTombstonesThrough: Generation, limit: Int
  ) throws -> [FeedRow]
  /// Deletes the oldest tombstones up to a generation.
  ///
  /// - Returns: How many, and the generation of the last.
  func deleteTombstones(_ subnet: DHCPSubnetID, through: Generation, limit: Int) throws -> (Int, Generation)
  func deleteBindings(_ subnet: DHCPSubnetID) throws

  func hold(_ place: SubnetAddress) throws -> HeldAddress?
  func holds(_ subnet: DHCPSubnetID, from: IPv4Address, limit: Int) throws -> [HeldAddress]
  func unacknowledgedHolds(_ subnet: DHCPSubnetID, through: Generation, limit: Int) throws -> [HeldAddress]
  /// Acknowledged holds without a lease after `now`.
  func releasedHolds(at now: Timestamp, limit: Int) throws -> [HeldAddress]
  func putHold(_ hold: HeldAddress) throws
  func deleteHold(_ place: SubnetAddress) throws
  func deleteHolds(_ subnet: DHCPSubnetID) throws
}

package protocol SubnetTables {
  func subnet(_ dhcpID: DHCPSubnetID) throws -> SubnetRow?
  func subnet(named name: SubnetName) throws -> SubnetRow?
  func insertSubnet(_ row: SubnetRow) throws
  func updateSubnet(_ row: SubnetRow) throws
  /// Writes what changes with the feed, and nothing else.
  func updateProgress(_ row: SubnetRow) throws
  func deleteSubnet(_ dhcpID: DHCPSubnetID) throws
  /// The subnet of the fabric with the highest network up to `address`.
  func lastSubnet(in fabric: FabricName, from address: IPv4Address) throws -> Subnet?
  /// By prefix, then number.
  func subnets(_ filter: SubnetFilter, after key: [UInt8], limit: Int) throws -> Page<SubnetRow>
  func insertRetired(_ subnet: RetiredSubnet) throws
  func deleteRetired(_ dhcpID: DHCPSubnetID) throws
  func retired(_ dhcpID: DHCPSubnetID) throws -> RetiredSubnet?
  func retired(ownedBy agent: AgentName, limit: Int) throws -> [RetiredSubnet]
  /// The retired subnet of the fabric with the highest network up to `address`.
  func lastRetired(in fabric: FabricName, from address: IPv4Address) throws -> RetiredSubnet?
  func subnetNumbers(ownedBy agent: AgentName?, limit: Int) throws -> [DHCPSubnetID]
  func subnetCount() throws -> Int
}

package protocol AgentTables {
  func agent(_ name: AgentName) throws -> Agent?
  func agent(credential sha256: [UInt8]) throws -> Agent?
  func agents(after key: [UInt8], limit: Int) throws -> Page<Agent>
  func agentCount() throws -> Int
  func insertAgent(_ agent: Agent) throws
  func updateAgent(_ agent: Agent) throws
  func deleteAgent(_ name: AgentName) throws
  func secrets(of agent: AgentName) throws -> AgentSecrets?
  func setSecrets(_ secrets: AgentSecrets, of agent: AgentName) throws
  func setLinkAddresses(_ links: [AgentLink], of agent: AgentName) throws
  func linkAddresses(in fabric: FabricName, _ range: AddressRange, limit: Int) throws -> [(IPv4Address, AgentName)]
  func bootFiles(of agent: AgentName) throws -> [BootFile]
  func setBootFiles(_ files: [BootFile], of agent: AgentName) throws
  func rejections(_ subnet: DHCPSubnetID, limit: Int) throws -> [Rejection]
  func rejection(_ key: BindingKey) throws -> Rejection?
  func setRejections(_ rejections: [Rejection], _ subnet: DHCPSubnetID) throws
}

package protocol RecordTables {
  func profile(_ name: ProfileName) throws -> BootProfile?
  func profiles() throws -> [BootProfile]
  func insertProfile(_ profile: BootProfile) throws
  func updateProfile(_ profile: BootProfile) throws
  func deleteProfile(_ name: ProfileName) throws

  /// Gives the event the next number and stores it.
  func appendEvent(_ event: Event) throws -> UInt64
  func events(_ filter: EventFilter, after id: UInt64, limit: Int, scan: Int) throws -> (events: [Event], last: UInt64?)
  /// The numbers of the oldest and newest event.
  func eventRange() throws -> (UInt64, UInt64)?
  func deleteEvents(through id: UInt64, orBefore time: Timestamp, limit: Int) throws -> Int

  func lease(_ place: SubnetAddress) throws -> ObservedLease?
  func leases(of key: BindingKey) throws -> [ObservedLease]
  func leases(_ subnet: DHCPSubnetID, in range: AddressRange, limit: Int) throws -> [ObservedLease]
  func leaseCount(_ subnet: DHCPSubnetID, in range: AddressRange, at now: Timestamp) throws -> Int
  func putLease(_ lease: ObservedLease) throws
  func deleteLease(_ place: SubnetAddress) throws
  func deleteLeases(_ subnet: DHCPSubnetID) throws
  func deleteLeases(endedBefore time: Timestamp, limit: Int) throws -> Int
  /// Moves the leases of a subnet that end after `now` to those of removed subnets, and drops the others.
  func retireLeases(of subnet: DHCPSubnetID, in fabric: FabricName, now: Timestamp) throws
  /// Notes a lease of a removed subnet unless one that ends later is known on its address.
  func putFormerLease(_ lease: ObservedLease, in fabric: FabricName) throws
  /// Moves leases of removed subnets that end after `now` and lie in `range` to a subnet, and drops the others there.
  func reviveLeases(in fabric: FabricName, _ range: AddressRange, to subnet: DHCPSubnetID, now: Timestamp) throws
  func deleteFormerLeases(endedBefore time: Timestamp, limit: Int) throws -> Int

  func bootReports(of node: NodeID) throws -> [BootReport]
  func putBootReport(_ report: BootReport, of node: NodeID) throws
  func deleteBootReports(of node: NodeID) throws

  func request(_ key: [UInt8]) throws -> StoredRequest?
  func putRequest(_ request: StoredRequest) throws
  func requestCount() throws -> Int
  func deleteRequests(before time: Timestamp, limit: Int) throws -> Int
}
