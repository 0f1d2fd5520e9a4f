import Provisioning

@testable import Pserv

/// A machine that asks for an address, down to the frame.
struct TestMachine {
  let mac: MACAddress
  let socket: PacketSocket

  init(_ mac: MACAddress, in rack: TestRack) throws {
    self.mac = mac
    socket = try PacketSocket(interface: TestRack.clientInterface, in: rack.client)
  }

  /// DISCOVER to ACK: the address; `nil` when nobody answers, or not with the offered address.
  func takeLease(within limit: Duration = .seconds(3)) async throws -> IPv4Address? {
    let transaction = UInt32.random(in: .min ... .max)
    guard let offer = try await exchange(.discover(mac, transaction: transaction), for: .offer, within: limit) else {
      return nil
    }
    var request = DHCPMessage(kind: .request, transaction: transaction, hardware: mac)
    request.requestedAddress = offer.yourAddress
    request.server = offer.server
    let answer = try await exchange(request, for: .ack, within: limit)
    return answer?.yourAddress == offer.yourAddress ? offer.yourAddress : nil
  }

  /// Asks again for an address it has, as after its restart: whether the server agrees.
  func confirm(_ address: IPv4Address) async throws -> Bool {
    var request = DHCPMessage(kind: .request, transaction: .random(in: .min ... .max), hardware: mac)
    request.requestedAddress = address
    return try await exchange(request, for: .ack, within: .seconds(1))?.yourAddress == address
  }

  func offer(within limit: Duration) async throws -> DHCPMessage? {
    try await exchange(.discover(mac, transaction: .random(in: .min ... .max)), for: .offer, within: limit)
  }

  func send(_ message: DHCPMessage) throws {
    let frame = UDPFrame(
      from: (mac.bits, IPv4Address(bits: 0), DHCPMessage.clientPort),
      to: (UDPFrame.broadcastHardware, IPv4Address(bits: .max), DHCPMessage.serverPort), payload: message.bytes)
    try socket.send(frame.bytes)
  }

  private func exchange(
    _ message: DHCPMessage, for kind: DHCPMessage.Kind, within limit: Duration
  ) async throws -> DHCPMessage? {
    try send(message)
    let deadline = ContinuousClock.now + limit
    while try await socket.waitForFrame(until: deadline) {
      while let captured = try socket.receive() {
        guard !captured.isOutgoing, let frame = UDPFrame(parsing: captured.bytes),
          let answer = DHCPMessage(parsing: frame.payload), answer.transaction == message.transaction,
          answer.hardware == mac
        else { continue }
        if answer.kind == kind { return answer }
        if answer.kind == .nak { return nil }
      }
    }
    return nil
  }
}
