package import Provisioning

extension MusterV1.Enlistment {
  /// - Parameters:
  ///   - id: Unique for the agent; the region acknowledges by it.
  ///   - subnet: Where the machine booted, with the address it had.
  package init(
    _ report: EnlistmentReport, id: [UInt8], subnet: DHCPSubnetID, address: IPv4Address?, time: Timestamp
  ) {
    self.init(
      id: id, dhcpId: subnet.number, macs: report.macs.map(\.bits), address: address?.bits ?? 0,
      serial: report.serial?.text ?? "", uuid: report.uuid?.description ?? "",
      firmware: report.hardware.firmware?.word ?? "", memoryMib: report.hardware.memoryMiB,
      cpuCount: report.hardware.cpuCount, cpuModel: report.hardware.cpuModel.text, timeNs: time.nanoseconds)
  }
}

extension EnlistmentReport {
  /// Serial, UUID and firmware that are none count as not said, further MACs that are none are left out: the
  /// machine is there all the same.
  ///
  /// - Throws: If the first MAC is none; nobody would know the machine again.
  package init(_ enlistment: MusterV1.Enlistment) throws(SessionError) {
    var macs: [MACAddress] = []
    for (index, bits) in enlistment.macs.prefix(Self.macsMax).enumerated() {
      do throws(MACAddressError) {
        let mac = try MACAddress(bits: bits)
        if !macs.contains(mac) { macs.append(mac) }
      } catch where index > 0 {
        continue
      } catch {
        throw SessionError(field: "Enlistment.macs")
      }
    }
    guard !macs.isEmpty else { throw SessionError(field: "Enlistment.macs") }
    self.init(
      macs: macs, serial: Self.serial(enlistment.serial), uuid: Self.uuid(enlistment.uuid),
      hardware: Hardware(
        firmware: Firmware(word: enlistment.firmware), memoryMiB: enlistment.memoryMib,
        cpuCount: enlistment.cpuCount, cpuModel: PlainText(sanitizing: enlistment.cpuModel)))
  }

  private static func serial(_ text: String) -> SerialNumber? {
    guard !text.isEmpty else { return nil }
    do { return try SerialNumber(text) } catch { return nil }
  }

  private static func uuid(_ text: String) -> HardwareUUID? {
    do { return try HardwareUUID(text) } catch { return nil }
  }
}
