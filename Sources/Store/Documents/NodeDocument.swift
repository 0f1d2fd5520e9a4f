internal import Provisioning

/// The cold part of a node's row. Byte 0 is the version; the rest follows in the order of the code.
enum NodeDocument {
  static let version: UInt8 = 1

  static func encode(_ node: Node) -> [UInt8] {
    var out = ByteWriter(reserving: 256)
    out.uint8(version)
    out.text(node.spec.name.text)
    out.list(node.spec.interfaces) { $0.interface($1) }
    out.text(node.spec.bmc.address?.text ?? "")
    out.uint48(node.spec.bmc.mac?.bits ?? 0)
    out.list(node.spec.tags) { $0.text($1.text) }
    out.text(node.spec.serial?.text ?? "")
    out.uint8(node.spec.uuid == nil ? 0 : 1)
    out.uint128(node.spec.uuid?.bits ?? 0)
    out.text(node.spec.location.text)
    out.text(node.spec.bootProfile.text)
    out.text(node.spec.bootOnce?.text ?? "")
    out.uint64(node.bootOnceToken)
    out.uint8(node.state.number)
    out.uint64(node.revision.number)
    out.uint8(node.hardware.firmware?.rawValue ?? 0)
    out.uint64(node.hardware.memoryMiB)
    out.uint32(node.hardware.cpuCount)
    out.text(node.hardware.cpuModel.text)
    out.timestamp(node.created)
    out.timestamp(node.updated)
    out.text(node.updatedBy.text)
    return out.bytes
  }

  static func decode(_ bytes: [UInt8], id: NodeID) throws -> Node {
    try readingStored("node \(id)") {
      var read = ByteReader(bytes)
      guard try read.uint8() == version else { throw ByteReaderError() }
      let name = try NodeName(try read.text())
      let interfaces = try read.list { try $0.interface() }
      let bmc = BMC(address: try read.optionalText { try HostAddress($0) }, mac: try read.optionalMAC())
      let tags = try read.list { try Tag(try $0.text()) }
      let serial = try read.optionalText { try SerialNumber($0) }
      let hasUUID = try read.uint8() == 1
      let uuid = try read.uint128()
      let location = try PlainText(try read.text())
      let profile = try ProfileName(try read.text())
      let once = try read.optionalText { try ProfileName($0) }
      let token = try read.uint64()
      guard let state = NodeState(number: try read.uint8()) else { throw ByteReaderError() }
      let revision = Revision(try read.uint64())
      let hardware = Hardware(
        firmware: Firmware(rawValue: try read.uint8()), memoryMiB: try read.uint64(), cpuCount: try read.uint32(),
        cpuModel: try PlainText(try read.text()))
      return Node(
        id: id,
        spec: NodeSpec(
          name: name, interfaces: interfaces, bmc: bmc, tags: tags, serial: serial,
          uuid: hasUUID ? HardwareUUID(bits: uuid) : nil, location: location, bootProfile: profile, bootOnce: once),
        state: state, revision: revision, bootOnceToken: token, hardware: hardware, created: try read.timestamp(),
        updated: try read.timestamp(), updatedBy: Actor(try read.text()))
    }
  }
}

extension ByteWriter {
  fileprivate mutating func interface(_ interface: NetworkInterface) {
    text(interface.name.text)
    uint48(interface.mac.bits)
    text(interface.subnet?.text ?? "")
    uint8(interface.address.fixed == nil ? 0 : 1)
    uint32(interface.address.fixed?.bits ?? 0)
    uint8(interface.boot ? 1 : 0)
  }

  mutating func timestamp(_ time: Timestamp) { uint64(UInt64(bitPattern: time.nanoseconds)) }
}

extension ByteReader {
  fileprivate mutating func interface() throws -> NetworkInterface {
    let name = try InterfaceName(try text())
    let mac = try MACAddress(bits: try uint48())
    let subnet = try optionalText { try SubnetName($0) }
    let isFixed = try uint8() == 1
    let address = IPv4Address(bits: try uint32())
    return NetworkInterface(
      name: name, mac: mac, subnet: subnet, address: isFixed ? .fixed(address) : .dynamic, boot: try uint8() == 1)
  }

  mutating func timestamp() throws -> Timestamp { Timestamp(nanoseconds: Int64(bitPattern: try uint64())) }

  mutating func optionalText<Value>(_ parse: (String) throws -> Value) throws -> Value? {
    let text = try text()
    return text.isEmpty ? nil : try parse(text)
  }

  mutating func optionalMAC() throws -> MACAddress? {
    let bits = try uint48()
    return bits == 0 ? nil : try MACAddress(bits: bits)
  }
}

/// Runs a decoder; whatever it throws means that the stored value is not what this program writes.
func readingStored<Value>(_ what: String, _ decode: () throws -> Value) throws -> Value {
  do { return try decode() } catch let error as StoreError { throw error } catch {
    throw StoreError.unreadable(what: what)
  }
}
