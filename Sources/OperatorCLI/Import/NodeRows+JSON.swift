internal import RPC
internal import Wire

extension NodeRows {
  /// One object a line, as `node export` writes them; `uid`, `revision`, `state`, `status` and times are ignored.
  init(jsonLines bytes: [UInt8]) {
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let number = index + 1
      guard line.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) else { continue }
      lineCount += 1
      do {
        rows.append(try Self.row(JSONReader(Array(line)), line: number))
      } catch {
        problems.append(error.said(of: number))
      }
    }
  }

  private static let ignored = ["uid", "revision", "state", "status", "hardware", "create_time", "update_time"]
  private static let known = [
    "name", "tags", "boot_profile", "boot_once", "interfaces", "bmc", "serial", "uuid", "location",
  ]

  private static func row(
    _ object: JSONReader, line: Int
  ) throws(RowProblem) -> MusterV1.ImportRow {
    try object.refuseUnknown(known: known, ignored: ignored)
    var node = MusterV1.Node()
    var mask = GoogleProtobuf.FieldMask()
    func take<Value>(_ key: String, _ value: Value?, _ assign: (Value) -> Void) {
      guard let value else { return }
      assign(value)
      mask.paths.append(key)
    }
    node.name = try object.string("name") ?? ""
    take("tags", try object.strings("tags")) { node.tags = $0 }
    take("boot_profile", try object.string("boot_profile")) { node.bootProfile = $0 }
    take("boot_once", try object.string("boot_once")) { node.bootOnce = $0 }
    take("serial", try object.string("serial")) { node.serial = $0 }
    take("uuid", try object.string("uuid")) { node.uuid = $0 }
    take("location", try object.string("location")) { node.location = $0 }
    if let bmc = try object.object("bmc") {
      try bmc.refuseUnknown(known: ["address", "mac"], ignored: [])
      var value = MusterV1.Bmc()
      if let address = try bmc.string("address") {
        value.address = address
        mask.paths.append("bmc.address")
      }
      if let mac = try bmc.string("mac") {
        value.mac = mac
        mask.paths.append("bmc.mac")
      }
      node.bmc = value
    }
    if let interfaces = try object.objects("interfaces") {
      node.interfaces = try interfaces.map { (item) throws(RowProblem) in
        try item.refuseUnknown(known: ["name", "mac", "subnet", "address", "boot"], ignored: [])
        var interface = MusterV1.NetworkInterface()
        interface.name = try item.string("name") ?? ""
        interface.mac = try item.string("mac") ?? ""
        interface.subnet = try item.string("subnet") ?? ""
        interface.address = try item.string("address") ?? ""
        interface.boot = try item.bool("boot") ?? false
        return interface
      }
      mask.paths.append("interfaces")
    }
    var row = MusterV1.ImportRow()
    row.node = node
    row.mask = mask
    row.lines = [UInt32](repeating: UInt32(line), count: 1 + node.interfaces.count)
    return row
  }
}
