package import Provisioning

/// Who wants what among the rows of an import, judged on the final state.
///
/// Finds rows that want the same name, MAC or address, and ties rows that pass one on, so that they become one
/// transaction. Holds numbers only: about 200 octets a row.
package struct ImportIndex: Sendable {
  /// Rows in the order of `add`; a row is known by its number.
  private var names: [NodeName: Entry] = [:]
  private var macs: [MACAddress: MACEntry] = [:]
  private var places: [SubnetAddress: Entry] = [:]
  private var ties: [Tie] = []

  /// The first row that has or had something, and the first that will have it.
  private struct Entry {
    var first: Int32
    var claim: Int32 = -1
  }

  /// A MAC is unique in a fabric, so several rows of different fabrics may claim it.
  private struct MACEntry {
    var first: Int32
    var claims: [MACClaim] = []
  }

  private struct MACClaim {
    var row: Int32
    /// Nil on an interface without a subnet, which may be in any.
    var fabric: FabricName?
  }

  private struct Tie {
    var a: Int32
    var b: Int32
  }

  /// A value that an earlier row wants as well.
  package struct Clash: Sendable, Hashable {
    /// For example `interfaces[0].mac`.
    package var field: String
    package var value: String
    package var code: ProblemCode
    /// The number of the earlier row.
    package var row: Int
  }

  /// What a row makes of a node.
  package struct Row: Sendable {
    package var before: Node?
    /// Nil for a removal.
    package var after: NodeSpec?

    package init(before: Node?, after: NodeSpec?) {
      self.before = before
      self.after = after
    }
  }

  package init() {}

  /// Takes the next row.
  ///
  /// - Parameter subnets: The subnets of its interfaces, as far as they exist.
  /// - Returns: What an earlier row wants already; the row then claims nothing.
  package mutating func add(_ number: Int, _ row: Row, subnets: [SubnetName: SubnetFacts]) -> [Clash] {
    let id = Int32(number)
    if let after = row.after {
      let clashes = self.clashes(of: after, subnets)
      guard clashes.isEmpty else { return clashes }
      claim(after, id, subnets)
    }
    if let before = row.before { release(before.spec, id, subnets) }
    return []
  }

  /// The fixed addresses that rows claim in the given subnets, for whoever looks for free ones.
  package func claimed(in subnets: Set<DHCPSubnetID>) -> [DHCPSubnetID: [IPv4Address]] {
    var claimed: [DHCPSubnetID: [IPv4Address]] = [:]
    for (place, entry) in places where entry.claim >= 0 && subnets.contains(place.subnet) {
      claimed[place.subnet, default: []].append(place.address)
    }
    return claimed
  }

  /// The batches of all rows that were added.
  package func batches(count: Int, of isApplied: (Int) -> Bool) throws(ImportGroupTooLarge) -> [[Int]] {
    var batches = ImportBatches(count: count)
    for tie in ties { batches.tie(Int(tie.a), Int(tie.b)) }
    return try batches.batches(of: isApplied)
  }

  private func clashes(of spec: NodeSpec, _ subnets: [SubnetName: SubnetFacts]) -> [Clash] {
    var clashes: [Clash] = []
    if let entry = names[spec.name], entry.claim >= 0 {
      clashes.append(Clash(field: "name", value: spec.name.text, code: .duplicate, row: Int(entry.claim)))
    }
    for (index, interface) in spec.interfaces.enumerated() {
      let facts = interface.subnet.flatMap { subnets[$0] }
      let other = macs[interface.mac]?.claims.first { claim in
        claim.fabric == nil || facts == nil || claim.fabric == facts?.fabric
      }
      if let other {
        clashes.append(
          Clash(
            field: "interfaces[\(index)].mac", value: interface.mac.description, code: .macTaken,
            row: Int(other.row)))
      }
      if let facts, let address = interface.address.fixed,
        let entry = places[SubnetAddress(subnet: facts.dhcpID, address: address)], entry.claim >= 0
      {
        clashes.append(
          Clash(
            field: "interfaces[\(index)].address", value: address.description, code: .addressTaken,
            row: Int(entry.claim)))
      }
    }
    return clashes
  }

  private mutating func claim(_ spec: NodeSpec, _ row: Int32, _ subnets: [SubnetName: SubnetFacts]) {
    var name = names[spec.name] ?? Entry(first: row)
    tie(name.first, row)
    name.claim = row
    names[spec.name] = name
    for interface in spec.interfaces {
      let facts = interface.subnet.flatMap { subnets[$0] }
      var mac = macs[interface.mac] ?? MACEntry(first: row)
      tie(mac.first, row)
      mac.claims.append(MACClaim(row: row, fabric: facts?.fabric))
      macs[interface.mac] = mac
      guard let facts, let address = interface.address.fixed else { continue }
      let key = SubnetAddress(subnet: facts.dhcpID, address: address)
      var place = places[key] ?? Entry(first: row)
      tie(place.first, row)
      place.claim = row
      places[key] = place
    }
  }

  private mutating func release(_ spec: NodeSpec, _ row: Int32, _ subnets: [SubnetName: SubnetFacts]) {
    tie(names[spec.name, default: Entry(first: row)].first, row)
    names[spec.name] = names[spec.name] ?? Entry(first: row)
    for interface in spec.interfaces {
      let mac = macs[interface.mac] ?? MACEntry(first: row)
      tie(mac.first, row)
      macs[interface.mac] = mac
      guard let facts = interface.subnet.flatMap({ subnets[$0] }), let address = interface.address.fixed else { continue }
      let key = SubnetAddress(subnet: facts.dhcpID, address: address)
      let place = places[key] ?? Entry(first: row)
      tie(place.first, row)
      places[key] = place
    }
  }

  private mutating func tie(_ a: Int32, _ b: Int32) {
    if a != b { ties.append(Tie(a: a, b: b)) }
  }
}
