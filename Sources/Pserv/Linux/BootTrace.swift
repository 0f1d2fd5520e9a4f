internal import Provisioning

/// Something a captured frame says about a machine's way up.
struct BootSighting: Hashable, Sendable {
  enum Machine: Hashable, Sendable {
    case hardware(MACAddress)
    /// A machine behind a router shows only its address.
    case address(IPv4Address, heardFrom: MACAddress)
  }

  var machine: Machine
  var stage: BootStage
  var failure: String?
  /// The relay it came through (`giaddr`): the link it was heard on is not the machine's.
  var relay: IPv4Address?
}

/// Reads boot stages off the frames of one link: a DISCOVER, our ACK, a TFTP request for a loader.
///
/// Machines repeat themselves; what one said less than `repeatedWithin` ago is not told again.
struct BootTrace: Sendable {
  private struct Told: Hashable, Sendable {
    var sighting: BootSighting
    var time: ContinuousClock.Instant
  }

  private var told: [BootSighting.Machine: Told] = [:]

  static let repeatedWithin: Duration = .seconds(5)
  /// Machines remembered; when there are more within `repeatedWithin`, repeats are told.
  static let machinesMax = 4_096
  /// Asked for by newer iPXE on its own account; its absence is no failure.
  private static let optionalFiles: Set<String> = ["autoexec.ipxe"]

  /// - Parameter ownAddresses: Of this link; an ACK of another server is not ours to tell.
  mutating func sighting(
    in captured: CapturedFrame, ownAddresses: [IPv4Address], at time: ContinuousClock.Instant
  ) -> BootSighting? {
    guard let frame = UDPFrame(parsing: captured.bytes),
      let sighting = Self.read(frame, isOutgoing: captured.isOutgoing, ownAddresses: ownAddresses)
    else { return nil }
    if let last = told[sighting.machine], last.sighting == sighting, time - last.time < Self.repeatedWithin {
      return nil
    }
    if told.count >= Self.machinesMax { told = told.filter { time - $0.value.time < Self.repeatedWithin } }
    if told.count < Self.machinesMax { told[sighting.machine] = Told(sighting: sighting, time: time) }
    return sighting
  }

  private static func read(_ frame: UDPFrame, isOutgoing: Bool, ownAddresses: [IPv4Address]) -> BootSighting? {
    switch frame.destinationPort {
    case TFTPReadRequest.port:
      guard !isOutgoing, ownAddresses.contains(frame.destination) else { return nil }
      return loader(frame)
    case DHCPMessage.serverPort, DHCPMessage.clientPort:
      guard let message = DHCPMessage(parsing: frame.payload) else { return nil }
      let relay = message.relay.bits == 0 ? nil : message.relay
      switch message.kind {
      case .discover where !isOutgoing:
        return BootSighting(machine: .hardware(message.hardware), stage: .discover, relay: relay)
      case .ack where isOutgoing && message.server.map(ownAddresses.contains) == true:
        // With a client address it is a renewal, no boot.
        guard message.clientAddress.bits == 0 else { return nil }
        return BootSighting(machine: .hardware(message.hardware), stage: .ack, relay: relay)
      default: return nil
      }
    default: return nil
    }
  }

  private static func loader(_ frame: UDPFrame) -> BootSighting? {
    guard let request = TFTPReadRequest(parsing: frame.payload) else { return nil }
    let file = String(request.file.drop { $0 == "/" })
    guard !optionalFiles.contains(file) else { return nil }
    let hardware: MACAddress
    do { hardware = try MACAddress(bits: frame.sourceHardware) } catch { return nil }
    let isKnown = BootLoader(rawValue: file) != nil
    return BootSighting(
      machine: .address(frame.source, heardFrom: hardware), stage: .loader,
      failure: isKnown ? nil : "loader \(PlainText(sanitizing: file)): no such file")
  }
}
