package import Provisioning

/// Where the edges tell what they saw. Calls never block and never fail: what does not fit is dropped and counted.
package protocol ObservationSink: Sendable {
  func record(_ lease: LeaseObservation)
  func record(_ boot: BootObservation)
}

/// A lease that was given, renewed, released or deleted.
package struct LeaseObservation: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var mac: MACAddress
  package var address: IPv4Address
  /// `nil` when the lease was released or deleted.
  package var until: Timestamp?

  package init(dhcpID: DHCPSubnetID, mac: MACAddress, address: IPv4Address, until: Timestamp?) {
    self.dhcpID = dhcpID
    self.mac = mac
    self.address = address
    self.until = until
  }
}

/// A machine reached, or failed at, one step of its boot.
package struct BootObservation: Sendable, Hashable {
  package var dhcpID: DHCPSubnetID
  package var mac: MACAddress
  package var stage: BootStage
  package var time: Timestamp
  /// What went wrong, at most 256 octets: "kernel 'rescue/vmlinuz': HTTP 404"; `nil` if nothing did.
  package var failure: String?

  package init(dhcpID: DHCPSubnetID, mac: MACAddress, stage: BootStage, time: Timestamp, failure: String? = nil) {
    self.dhcpID = dhcpID
    self.mac = mac
    self.stage = stage
    self.time = time
    self.failure = failure
  }
}

/// What a machine said of itself at phone-home. Nothing of it is to be trusted.
package struct MachineReport: Sendable, Hashable {
  /// The first is the one it booted from; at least one, at most `macsMax`.
  package var macs: [MACAddress]
  /// The address it called from.
  package var address: IPv4Address
  package var serial: String
  package var uuid: String
  package var firmware: String
  package var memoryMiB: UInt64
  package var cpuCount: UInt32
  package var cpuModel: String

  package static let macsMax = 32
  /// Of each text, octets of UTF-8; longer ones are refused at the border.
  package static let textOctetsMax = 128

  package init(
    macs: [MACAddress], address: IPv4Address, serial: String = "", uuid: String = "", firmware: String = "",
    memoryMiB: UInt64 = 0, cpuCount: UInt32 = 0, cpuModel: String = ""
  ) {
    self.macs = macs
    self.address = address
    self.serial = serial
    self.uuid = uuid
    self.firmware = firmware
    self.memoryMiB = memoryMiB
    self.cpuCount = cpuCount
    self.cpuModel = cpuModel
  }
}

/// Who takes the phone-homes of machines: the agent's core, called by the HTTP edge.
package protocol PhoneHomeDesk: Sendable {
  /// The script of an order to boot once is about to be handed out. When this returns, that is durable, and a phone-home
  /// may use the order up; when it throws, the script must not be handed out.
  func willServe(_ once: BootOnceUse) throws

  /// When this returns, what it says is durable: a boot-once fell back, or an enlistment is spooled.
  ///
  /// - Parameter localAddress: The address of this host that the machine called; names the link.
  func phoneHome(_ report: MachineReport, at localAddress: IPv4Address) async throws -> PhoneHomeOutcome
}

/// What came of a phone-home.
package enum PhoneHomeOutcome: Sendable, Hashable {
  /// A known node. The profile it boots from now on.
  case known(NodeName, next: ProfileName)
  /// An unknown machine, reported to the region now or as soon as it can be reached.
  case enlisted
  /// Too many unknown machines on this link lately, or the spool is full; the machine should ask again.
  case busy(retryAfter: Duration)
  /// No subnet of this agent is served at that address.
  case notServed
}
