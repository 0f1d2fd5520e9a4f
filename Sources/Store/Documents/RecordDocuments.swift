internal import Provisioning

/// A boot profile's row. Byte 0 is the version.
enum ProfileDocument {
  static let version: UInt8 = 1

  static func encode(_ profile: BootProfile) -> [UInt8] {
    let image = profile.spec.kind.image
    var out = ByteWriter(reserving: 128)
    out.uint8(version)
    out.uint128(profile.id.bits)
    out.text(profile.spec.name.text)
    out.text(image?.kernel.text ?? "")
    out.list(image?.initrds ?? []) { $0.text($1.text) }
    out.text(image?.arguments.text ?? "")
    out.uint64(profile.revision.number)
    out.uint64(profile.feedRevision.number)
    out.timestamp(profile.updated)
    out.text(profile.updatedBy.text)
    return out.bytes
  }

  static func decode(_ bytes: [UInt8]) throws -> BootProfile {
    try readingStored("boot profile") {
      var read = ByteReader(bytes)
      guard try read.uint8() == version else { throw ByteReaderError() }
      let id = ProfileID(bits: try read.uint128())
      let name = try ProfileName(try read.text())
      let kernel = try read.optionalText { try BootPath($0) }
      let initrds = try read.list { try BootPath(try $0.text()) }
      let arguments = try KernelArguments(try read.text())
      let image = kernel.map { BootImage(kernel: $0, initrds: initrds, arguments: arguments) }
      return BootProfile(
        id: id, spec: BootProfileSpec(name: name, kind: image.map { .kernel($0) } ?? .local),
        revision: Revision(try read.uint64()), feedRevision: Revision(try read.uint64()), updated: try read.timestamp(),
        updatedBy: Actor(try read.text()))
    }
  }
}

/// The part of an event's row that is not a column. Byte 0 is the version.
enum EventDocument {
  static let version: UInt8 = 1

  static func encode(_ event: Event) -> [UInt8] {
    var out = ByteWriter(reserving: 128)
    out.uint8(version)
    out.text(event.kind.rawValue)
    out.text(event.actor.text)
    out.text(event.node?.text ?? "")
    out.text(event.subnet?.text ?? "")
    out.text(event.agent?.text ?? "")
    out.uint48(event.mac?.bits ?? 0)
    out.uint32(event.address?.bits ?? 0)
    out.text(event.message)
    return out.bytes
  }

  static func decode(_ bytes: [UInt8], id: UInt64, time: Timestamp) throws -> Event {
    try readingStored("event \(id)") {
      var read = ByteReader(bytes)
      guard try read.uint8() == version else { throw ByteReaderError() }
      guard let kind = EventKind(rawValue: try read.text()) else { throw ByteReaderError() }
      let actor = Actor(try read.text())
      let node = try read.optionalText { try NodeName($0) }
      let subnet = try read.optionalText { try SubnetName($0) }
      let agent = try read.optionalText { try AgentName($0) }
      let mac = try read.optionalMAC()
      let address = try read.uint32()
      var event = Event(
        kind, actor: actor, node: node, subnet: subnet, agent: agent, mac: mac,
        address: address == 0 ? nil : IPv4Address(bits: address), message: try read.text())
      event.id = id
      event.time = time
      return event
    }
  }
}
