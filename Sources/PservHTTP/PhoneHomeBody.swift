internal import FoundationEssentials
internal import Provisioning
internal import Pserv

/// What a machine posts: read strictly, believed never.
///
/// Only `macs` is required; unknown members are left out, so that newer images can say more.
enum PhoneHomeBody {
  /// Longer bodies are refused before they are read.
  static let bytesMax = 64 << 10

  private struct Body: Decodable {
    var macs: [String]
    var serial: String?
    var uuid: String?
    var firmware: String?
    var memoryMiB: UInt64?
    var cpuCount: UInt32?
    var cpuModel: String?

    enum CodingKeys: String, CodingKey {
      case macs, serial, uuid, firmware
      case memoryMiB = "memory_mib"
      case cpuCount = "cpu_count"
      case cpuModel = "cpu_model"
    }
  }

  static func parse(_ bytes: [UInt8], from address: IPv4Address) throws(MachineReportError) -> MachineReport {
    let body: Body
    do { body = try JSONDecoder().decode(Body.self, from: Data(bytes)) } catch {
      throw .malformed
    }
    var draft = MachineReportDraft(address: address)
    draft.macs = body.macs
    draft.serial = body.serial ?? ""
    draft.uuid = body.uuid ?? ""
    draft.firmware = body.firmware ?? ""
    draft.memoryMiB = body.memoryMiB ?? 0
    draft.cpuCount = body.cpuCount ?? 0
    draft.cpuModel = body.cpuModel ?? ""
    return try draft.checked()
  }
}

/// What a machine said, before it is looked at.
struct MachineReportDraft {
  var address: IPv4Address
  var macs: [String] = []
  var serial = ""
  var uuid = ""
  var firmware = ""
  var memoryMiB: UInt64 = 0
  var cpuCount: UInt32 = 0
  var cpuModel = ""

  /// 64 TiB; more is a mistake of the machine's.
  private static let memoryMiBMax: UInt64 = 64 << 20
  private static let cpuCountMax: UInt32 = 1 << 16

  init(address: IPv4Address) {
    self.address = address
  }

  func checked() throws(MachineReportError) -> MachineReport {
    guard !macs.isEmpty, macs.count <= MachineReport.macsMax else {
      throw .field("macs", "1 to \(MachineReport.macsMax) MAC addresses")
    }
    var addresses: [MACAddress] = []
    for text in macs {
      do {
        let mac = try MACAddress(text)
        if !addresses.contains(mac) { addresses.append(mac) }
      } catch {
        throw .field("macs", "\(error)")
      }
    }
    guard ["", "bios", "uefi"].contains(firmware) else { throw .field("firmware", "'bios' or 'uefi'") }
    guard memoryMiB <= Self.memoryMiBMax else { throw .field("memory_mib", "at most \(Self.memoryMiBMax)") }
    guard cpuCount <= Self.cpuCountMax else { throw .field("cpu_count", "at most \(Self.cpuCountMax)") }
    return MachineReport(
      macs: addresses, address: address, serial: try text(serial, "serial"), uuid: try text(uuid, "uuid"),
      firmware: firmware, memoryMiB: memoryMiB, cpuCount: cpuCount, cpuModel: try text(cpuModel, "cpu_model"))
  }

  /// DMI texts hold what vendors please: characters that may not be stored become `?`.
  private func text(_ text: String, _ field: String) throws(MachineReportError) -> String {
    guard text.utf8.count <= MachineReport.textOctetsMax else {
      throw .field(field, "at most \(MachineReport.textOctetsMax) octets")
    }
    return PlainText(sanitizing: text).text
  }
}

/// Why a phone-home is refused.
enum MachineReportError: Error, Hashable, Sendable, CustomStringConvertible {
  case malformed
  case field(String, String)

  var description: String {
    switch self {
    case .malformed: "not the JSON object that phone-home expects"
    case .field(let name, let rule): "\(name): \(rule)"
    }
  }
}
