/// A node as an operator wrote it. Empty texts mean "not given", as in the contract.
package struct NodeDraft: Hashable, Sendable {
  package var name: String
  package var interfaces: [InterfaceDraft]
  package var bmcAddress: String
  package var bmcMAC: String
  package var tags: [String]
  package var serial: String
  package var uuid: String
  package var location: String
  package var bootProfile: String
  package var bootOnce: String

  package init(
    name: String = "", interfaces: [InterfaceDraft] = [], bmcAddress: String = "", bmcMAC: String = "",
    tags: [String] = [], serial: String = "", uuid: String = "", location: String = "",
    bootProfile: String = "", bootOnce: String = ""
  ) {
    self.name = name
    self.interfaces = interfaces
    self.bmcAddress = bmcAddress
    self.bmcMAC = bmcMAC
    self.tags = tags
    self.serial = serial
    self.uuid = uuid
    self.location = location
    self.bootProfile = bootProfile
    self.bootOnce = bootOnce
  }
}

/// An interface as an operator wrote it.
package struct InterfaceDraft: Hashable, Sendable {
  package var name: String
  package var mac: String
  package var subnet: String
  /// An address, `auto`, `dynamic`, or empty: `auto` on a subnet.
  package var address: String
  package var boot: Bool

  package init(name: String = "", mac: String = "", subnet: String = "", address: String = "", boot: Bool = false) {
    self.name = name
    self.mac = mac
    self.subnet = subnet
    self.address = address
    self.boot = boot
  }
}

extension NodeDraft {
  /// What the draft means. Whether subnets and profiles exist and addresses are free is for the
  /// plan of the write to say.
  ///
  /// - Throws: `InvalidFields` with all problems, in the order of the fields.
  package func parse() throws(InvalidFields) -> NodeSpec {
    var problems = Problems()
    let name = problems.name("name", self.name, NodeKind.self)
    let tags = parseTags(&problems)
    let profile = bootProfile.isEmpty ? .local : problems.name("boot_profile", bootProfile, ProfileKind.self)
    let once = bootOnce.isEmpty ? nil : problems.name("boot_once", bootOnce, ProfileKind.self)
    let interfaces = parseInterfaces(&problems)
    let bmc = parseBMC(&problems)
    let serial = parseSerial(&problems)
    let uuid = parseUUID(&problems)
    let location = problems.text("location", self.location)
    try problems.check()
    guard let name, let profile else { throw InvalidFields(problems.list) }
    return NodeSpec(
      name: name, interfaces: interfaces, bmc: bmc, tags: tags, serial: serial, uuid: uuid,
      location: location, bootProfile: profile, bootOnce: once)
  }

  private func parseTags(_ problems: inout Problems) -> [Tag] {
    problems.atMost(NodeSpec.tagsMax, "tags", tags.count)
    var tags: Set<Tag> = []
    for (index, text) in self.tags.prefix(NodeSpec.tagsMax).enumerated() {
      do { tags.insert(try Tag(text)) } catch {
        problems.add("tags[\(index)]", text, error.code, "\(error)", fix: error.fix)
      }
      if text.isEmpty { problems.add("tags[\(index)]", "", .required, "is empty", fix: "remove it") }
    }
    return tags.sorted()
  }

  private func parseInterfaces(_ problems: inout Problems) -> [NetworkInterface] {
    problems.atMost(NodeSpec.interfacesMax, "interfaces", interfaces.count)
    var parsed: [NetworkInterface] = []
    var names: Set<InterfaceName> = []
    for (index, draft) in interfaces.prefix(NodeSpec.interfacesMax).enumerated() {
      let field = "interfaces[\(index)]"
      // A node added with one MAC and no more words has an interface without a name.
      let text = draft.name.isEmpty ? "eth\(index)" : draft.name
      guard let interface = draft.parse(name: text, field, &problems) else { continue }
      if !names.insert(interface.name).inserted {
        problems.add("\(field).name", text, .duplicate, "is the name of two interfaces", fix: "rename one")
      }
      parsed.append(interface)
    }
    if parsed.count(where: \.boot) > 1 {
      problems.add("interfaces", "", .duplicate, "has more than one boot interface", fix: "set boot on one")
    }
    if !parsed.isEmpty, !parsed.contains(where: \.boot) { parsed[0].boot = true }
    return parsed
  }

  private func parseBMC(_ problems: inout Problems) -> BMC {
    var bmc = BMC()
    if !bmcAddress.isEmpty {
      do { bmc.address = try HostAddress(bmcAddress) } catch {
        problems.add("bmc.address", bmcAddress, .addressInvalid, "\(error)", fix: error.fix)
      }
    }
    if !bmcMAC.isEmpty { bmc.mac = problems.mac("bmc.mac", bmcMAC) }
    return bmc
  }

  private func parseSerial(_ problems: inout Problems) -> SerialNumber? {
    guard !serial.isEmpty else { return nil }
    do { return try SerialNumber(serial) } catch {
      problems.add("serial", serial, error.code, "\(error)", fix: error.fix)
      return nil
    }
  }

  private func parseUUID(_ problems: inout Problems) -> HardwareUUID? {
    guard !uuid.isEmpty else { return nil }
    do { return try HardwareUUID(uuid) } catch {
      problems.add("uuid", uuid, .identifierInvalid, "\(error)", fix: error.fix)
      return nil
    }
  }
}

extension InterfaceDraft {
  fileprivate func parse(name: String, _ field: String, _ problems: inout Problems) -> NetworkInterface? {
    let name = problems.name("\(field).name", name, InterfaceKind.self)
    let mac =
      self.mac.isEmpty
      ? problems.missing("\(field).mac", fix: "give the interface's MAC address")
      : problems.mac("\(field).mac", self.mac)
    let subnet = self.subnet.isEmpty ? nil : problems.name("\(field).subnet", self.subnet, SubnetKind.self)
    let address: InterfaceAddress
    switch self.address {
    case "": address = subnet == nil ? .dynamic : .auto
    case "auto": address = .auto
    case "dynamic": address = .dynamic
    default:
      guard let fixed = problems.address("\(field).address", self.address) else { return nil }
      address = .fixed(fixed)
    }
    if self.subnet.isEmpty, address != .dynamic {
      problems.add(
        "\(field).address", self.address, .addressOutsideSubnet, "has no subnet", fix: "give the subnet too")
    }
    guard let name, let mac else { return nil }
    return NetworkInterface(name: name, mac: mac, subnet: subnet, address: address, boot: boot)
  }
}

extension Problems {
  /// Notes that a required field is empty; returns `nil` for the value.
  package mutating func missing<Value>(_ field: String, fix: String) -> Value? {
    add(field, "", .required, "is missing", fix: fix)
    return nil
  }
}
