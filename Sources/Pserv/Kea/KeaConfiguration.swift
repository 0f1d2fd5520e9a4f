internal import Crypto
internal import Provisioning

/// The file that Kea serves a rack by: a pure function of the state and the settings. The same input gives the same
/// bytes.
///
/// Every measured reason for a line stands in `cluster/reference/README.md`.
package struct KeaConfiguration: Sendable {
  /// The whole file.
  package let bytes: [UInt8]
  package let fingerprint: ConfigurationFingerprint

  /// Bytes of one reservation, about.
  private static let reservationBytes = 96
  private static let fixedBytes = 8 << 10

  package init(_ state: RackState, settings: KeaSettings) {
    let answering = state.answering.filter { $0.attachment != nil }
    let reservations = answering.reduce(0) { $0 + $1.bindings.count }
    var writer = JSONWriter(capacity: Self.fixedBytes + reservations * Self.reservationBytes)
    var fingerprint = ConfigurationFingerprint("")
    writer.object { top in
      top.object("Dhcp4") { dhcp in
        KeaConfiguration.writeDaemon(settings, interfaces: Self.interfaces(of: answering), to: &dhcp)
        KeaConfiguration.writeClasses(of: answering, settings: settings, to: &dhcp)
        KeaConfiguration.writeSubnets(answering, to: &dhcp)
        // The last member, so that it can vouch for everything before it.
        fingerprint = Self.fingerprint(ofBody: dhcp.bytes[...])
        dhcp.member("server-tag", fingerprint.text)
      }
    }
    self.fingerprint = fingerprint
    bytes = writer.bytes + [UInt8(ascii: "\n")]
  }

  /// The fingerprint of a file that was written here; `nil` if it was not, or if somebody changed it since.
  package static func fingerprint(ofFile bytes: [UInt8]) -> ConfigurationFingerprint? {
    let tagBytes = tagLength + tagStart.utf8.count + tagEnd.utf8.count
    guard bytes.count > tagBytes else { return nil }
    let body = bytes.dropLast(tagBytes)
    let fingerprint = fingerprint(ofBody: body)
    let tail = tagStart + fingerprint.text + tagEnd
    return bytes.suffix(tagBytes).elementsEqual(tail.utf8) ? fingerprint : nil
  }

  private static let tagStart = ",\"server-tag\":\""
  private static let tagEnd = "\"}}\n"
  /// Octets of a fingerprint: the first 128 bits of SHA-256 in hex.
  private static let tagLength = 32

  private static func fingerprint(ofBody bytes: ArraySlice<UInt8>) -> ConfigurationFingerprint {
    let digest = SHA256.hash(data: bytes)
    var text = ""
    for byte in digest.prefix(tagLength / 2) { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return ConfigurationFingerprint(text)
  }

  /// One address an interface: with two, Kea would answer every broadcast twice.
  private static func interfaces(of subnets: [ServedSubnet]) -> [String] {
    var seen: Set<String> = []
    return subnets.compactMap { subnet in
      guard let attachment = subnet.attachment, seen.insert(attachment.interface).inserted else { return nil }
      return "\(attachment.interface)/\(attachment.agentAddress)"
    }
    .sorted()
  }
}

extension KeaConfiguration {
  private static let leaseCleanupSeconds = 3600
  /// Packets that wait for each thread.
  private static let packetQueuePerThread = 32
  private static let logBytesMax = 10 << 20
  /// Rotated logs kept beside the current one.
  private static let logsKept = 2

  private static func writeDaemon(_ settings: KeaSettings, interfaces: [String], to dhcp: inout JSONWriter) {
    dhcp.object("interfaces-config") {
      $0.array("interfaces") { list in interfaces.forEach { list.string($0) } }
      $0.member("dhcp-socket-type", "raw")
    }
    dhcp.object("control-socket") {
      $0.member("socket-type", "unix")
      $0.member("socket-name", settings.controlSocket)
    }
    dhcp.object("lease-database") {
      $0.member("type", "memfile")
      $0.member("persist", true)
      $0.member("name", settings.leaseFile)
      $0.member("lfc-interval", leaseCleanupSeconds)
    }
    dhcp.array("hooks-libraries") { hooks in
      hooks.object { $0.member("library", settings.hooksDirectory + "/libdhcp_lease_cmds.so") }
    }
    dhcp.object("multi-threading") {
      $0.member("enable-multi-threading", true)
      $0.member("thread-pool-size", settings.threads)
      $0.member("packet-queue-size", packetQueuePerThread * settings.threads)
    }
    dhcp.member("authoritative", true)
    // Firmware, iPXE and the operating system send different client ids from one interface; the MAC is the machine.
    dhcp.member("match-client-id", false)
    dhcp.array("host-reservation-identifiers") { $0.string("hw-address") }
    dhcp.member("reservations-global", false)
    dhcp.member("reservations-in-subnet", true)
    dhcp.member("reservations-out-of-pool", true)
    dhcp.member("calculate-tee-times", true)
    dhcp.member("ddns-send-updates", false)
    dhcp.array("loggers") { loggers in
      writeLogger("kea-dhcp4", severity: "INFO", settings, to: &loggers)
      // Else every class test writes a line a packet.
      writeLogger("kea-dhcp4.options", severity: "WARN", settings, to: &loggers)
    }
  }

  private static func writeLogger(
    _ name: String, severity: String, _ settings: KeaSettings, to loggers: inout JSONWriter
  ) {
    loggers.object { logger in
      logger.member("name", name)
      logger.member("severity", severity)
      logger.array("output_options") { outputs in
        outputs.object {
          $0.member("output", settings.log)
          $0.member("maxsize", logBytesMax)
          $0.member("maxver", logsKept)
        }
      }
    }
  }
}
