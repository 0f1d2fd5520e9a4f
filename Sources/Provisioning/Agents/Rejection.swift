/// A binding that an agent could not serve and put aside.
package struct Rejection: Hashable, Sendable {
  package var mac: MACAddress
  /// The agent's stable reason.
  package var code: String
  /// The DHCP server's words, printable, cut to `messageOctetsMax`.
  package var message: String

  package static let messageOctetsMax = 512
  /// The longest reason, in octets.
  package static let codeOctetsMax = 64
  /// The most rejections of one subnet that are recorded.
  package static let countMax = 10_000

  package init(mac: MACAddress, code: String, message: String) {
    self.mac = mac
    self.code = printable(code, octetsMax: Self.codeOctetsMax)
    self.message = printable(message, octetsMax: Self.messageOctetsMax)
  }
}

/// Why an owner does not serve its subnet at all.
package struct SubnetTrouble: Hashable, Sendable {
  /// The agent's stable reason: `FOREIGN_DHCP_SERVER`.
  package var code: String
  package var message: String

  package init(code: String, message: String) {
    self.code = printable(code, octetsMax: Rejection.codeOctetsMax)
    self.message = printable(message, octetsMax: Rejection.messageOctetsMax)
  }
}

/// A file below an agent's boot root.
package struct BootFile: Hashable, Sendable {
  package var path: BootPath
  /// 32 octets; `nil` if the file is missing.
  package var sha256: [UInt8]?
  package var sizeBytes: UInt64

  /// The most files of one agent that are recorded.
  package static let countMax = 4096

  package init(path: BootPath, sha256: [UInt8]?, sizeBytes: UInt64) {
    self.path = path
    self.sha256 = sha256
    self.sizeBytes = sizeBytes
  }
}

/// A lease that outlives the binding it came from, as the agent that gave it out says.
package struct LeaseLeft: Hashable, Sendable {
  package var address: IPv4Address
  package var mac: MACAddress
  package var until: Timestamp

  package init(address: IPv4Address, mac: MACAddress, until: Timestamp) {
    self.address = address
    self.mac = mac
    self.until = until
  }
}
