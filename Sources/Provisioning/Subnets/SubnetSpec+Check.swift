extension SubnetSpec {
  /// Notes what is wrong with the subnet by itself.
  package func check(_ problems: inout Problems) {
    checkPrefix(&problems)
    if let gateway { checkInside(gateway, "gateway", &problems) }
    for (index, range) in pool.ranges.enumerated() { check(range, at: index, &problems) }
  }

  private func checkPrefix(_ problems: inout Problems) {
    if !Self.prefixLengthRange.contains(prefix.length) {
      problems.add(
        "prefix", "\(prefix)", .prefixInvalid, "has a length that DHCP does not serve here",
        fix: "give a prefix of /8 to /30")
    }
    if !prefix.network.isHost || !prefix.broadcast.isHost {
      problems.add("prefix", "\(prefix)", .prefixInvalid, "holds addresses no host can have", fix: "choose another")
    }
  }

  private func checkInside(_ address: IPv4Address, _ field: String, _ problems: inout Problems) {
    if !prefix.contains(address) {
      problems.add(
        field, "\(address)", .addressOutsideSubnet, "is outside \(prefix)", fix: "choose an address of the subnet")
    } else if address == prefix.network {
      problems.add(field, "\(address)", .addressReserved, "is the network address of \(prefix)", fix: "choose another")
    } else if address == prefix.broadcast {
      problems.add(
        field, "\(address)", .addressReserved, "is the broadcast address of \(prefix)", fix: "choose another")
    }
  }

  private func check(_ range: AddressRange, at index: Int, _ problems: inout Problems) {
    let field = "pools[\(index)]"
    if !prefix.range.contains(range) {
      problems.add(field, "\(range)", .poolOutside, "is not inside \(prefix)", fix: "choose addresses of the subnet")
      return
    }
    let reserved: [(IPv4Address?, String)] = [
      (prefix.network, "the network address"), (prefix.broadcast, "the broadcast address"),
      (gateway, "the gateway"),
    ]
    for case (let address?, let what) in reserved where range.contains(address) {
      problems.add(field, "\(range)", .poolReserved, "contains \(what) \(address)", fix: "leave \(address) out")
    }
    for relay in relays where range.contains(relay) {
      problems.add(field, "\(range)", .poolReserved, "contains the relay \(relay)", fix: "leave \(relay) out")
    }
  }
}
