extension SubnetSpec {
  /// Notes what is wrong with the subnet by itself.
  package func check(_ problems: inout Problems) {
    checkPrefix(&problems)
    if let gateway { checkInside(gateway, "gateway", &problems) }
    for (index, range) in pool.ranges.enumerated() { check(range, at: index, &problems) }
  }

  private func checkPrefix(_ problems: inout Problems) {
    guard let (message, fix) = Self.whatIsWrong(with: prefix) else { return }
    problems.add("prefix", "\(prefix)", .prefixInvalid, message, fix: fix)
  }

  /// Why no subnet can have this prefix, and what to do instead; nil when one can.
  static func whatIsWrong(with prefix: IPv4Prefix) -> (message: String, fix: String)? {
    guard prefixLengthRange.contains(prefix.length) else {
      return ("has a length that DHCP does not serve here", "give a prefix of /8 to /30")
    }
    guard prefix.network.isHost, prefix.broadcast.isHost else {
      return ("holds addresses no host can have", "choose another")
    }
    return nil
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
