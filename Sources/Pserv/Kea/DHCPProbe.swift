internal import Provisioning

/// Asks the daemon on this host for an offer, the way a machine on the link would, without taking a lease.
///
/// The DISCOVER is sent to the interface's own hardware address: a switch does not pass it on, so no partner and no
/// foreign server sees it, while Kea's raw socket on the same interface sees what goes out. Only an offer that *leaves*
/// this host counts, with our own server identifier: another server would answer for a deaf Kea.
struct DHCPProbe: Sendable {
  var timeout: Duration
  var namespace: NetworkNamespace

  /// A busy Kea may drop a packet; a machine would ask again too.
  private static let tries = 3
  /// The first half of our transaction ids: "MU".
  private static let transactionMark: UInt32 = 0x4d55_0000

  func ask(_ target: ProbeTarget, link: LinkState?) async throws -> ProbeVerdict {
    let interface = target.attachment.interface
    guard let link else { return .notPossible("link \(interface) is not there") }
    guard link.isUp else { return .notPossible("link \(interface) is down") }
    do { return try await exchange(target) } catch let error as SystemError {
      // The link went down or away under our hands.
      return .notPossible("\(error)")
    }
  }

  private func exchange(_ target: ProbeTarget) async throws -> ProbeVerdict {
    let socket = try PacketSocket(interface: target.attachment.interface, in: namespace)
    let begin = ContinuousClock.now
    for attempt in 1...Self.tries {
      let transaction = Self.transactionMark | UInt32(UInt16.random(in: .min ... .max))
      try socket.send(Self.frame(for: target, transaction: transaction, hardware: socket.hardwareAddress))
      let deadline = begin + timeout * attempt / Self.tries
      while try await socket.waitForFrame(until: deadline) {
        while let captured = try socket.receive() {
          guard let address = Self.offer(in: captured, to: target, transaction: transaction) else { continue }
          return address == target.address ? .answered(ContinuousClock.now - begin) : .wrongAddress(address)
        }
      }
    }
    return .deaf
  }

  static func frame(for target: ProbeTarget, transaction: UInt32, hardware: MACAddress) -> [UInt8] {
    let relay = target.relay ?? IPv4Address(bits: 0)
    let message = DHCPMessage.discover(target.mac, transaction: transaction, relay: relay)
    // A relay speaks from its own address and the server port, to the server; a machine from nowhere, to everybody.
    let isRelayed = target.relay != nil
    return UDPFrame(
      from: (hardware.bits, relay, isRelayed ? DHCPMessage.serverPort : DHCPMessage.clientPort),
      to: (
        hardware.bits, isRelayed ? target.attachment.agentAddress : IPv4Address(bits: .max), DHCPMessage.serverPort
      ),
      payload: message.bytes
    ).bytes
  }

  /// The offered address, if the frame is our daemon's offer to this question.
  static func offer(in captured: CapturedFrame, to target: ProbeTarget, transaction: UInt32) -> IPv4Address? {
    guard captured.isOutgoing, let frame = UDPFrame(parsing: captured.bytes),
      frame.sourcePort == DHCPMessage.serverPort, let message = DHCPMessage(parsing: frame.payload),
      message.kind == .offer, message.transaction == transaction, message.hardware == target.mac,
      message.server == target.attachment.agentAddress
    else { return nil }
    return message.yourAddress
  }
}

/// Looks whether somebody else answers DHCP on a link, before we do.
struct ForeignServerSearch: Sendable {
  var timeout: Duration
  var namespace: NetworkNamespace

  /// A server may drop one packet, and spanning tree may hold a port back.
  private static let tries = 3

  /// Asks as a machine nobody knows, by broadcast.
  ///
  /// - Returns: The server identifier of the first foreign offer, or the address it came from; `nil` when nobody
  ///   answered in time.
  func find(on attachment: Attachment) async throws -> IPv4Address? {
    let socket = try PacketSocket(interface: attachment.interface, in: namespace)
    let stranger = Self.randomMachine()
    let begin = ContinuousClock.now
    for attempt in 1...Self.tries {
      let transaction = UInt32.random(in: .min ... .max)
      let message = DHCPMessage.discover(stranger, transaction: transaction, isBroadcast: true)
      // The frame carries the interface's own address: no switch learns a machine that is not there.
      let frame = UDPFrame(
        from: (socket.hardwareAddress.bits, IPv4Address(bits: 0), DHCPMessage.clientPort),
        to: (UDPFrame.broadcastHardware, IPv4Address(bits: .max), DHCPMessage.serverPort), payload: message.bytes)
      try socket.send(frame.bytes)
      while try await socket.waitForFrame(until: begin + timeout * attempt / Self.tries) {
        while let captured = try socket.receive() {
          if let server = Self.server(in: captured, to: stranger), server != attachment.agentAddress { return server }
        }
      }
    }
    return nil
  }

  static func server(in captured: CapturedFrame, to machine: MACAddress) -> IPv4Address? {
    guard !captured.isOutgoing, let frame = UDPFrame(parsing: captured.bytes),
      frame.sourcePort == DHCPMessage.serverPort, let message = DHCPMessage(parsing: frame.payload),
      message.kind == .offer, message.hardware == machine
    else { return nil }
    return message.server ?? frame.source
  }

  /// A locally administered unicast address (IEEE 802 §8.2).
  private static func randomMachine() -> MACAddress {
    let bits = UInt64.random(in: 0...0xff_ffff_ffff) | 0x0200_0000_0000
    do { return try MACAddress(bits: bits) } catch { preconditionFailure("\(bits) is unicast and not zero") }
  }
}
