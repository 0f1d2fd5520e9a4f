import Provisioning
import Testing

@testable import Pserv

struct PacketTests {
  let machine: MACAddress = "52:54:00:00:00:2a"

  @Test func aFrameReadsBackAsItWasWritten() throws {
    for size in [0, 1, 2, 299, 300, 1400] {
      let frame = UDPFrame(
        from: (machine.bits, "10.1.0.9", 68), to: (UDPFrame.broadcastHardware, "255.255.255.255", 67),
        payload: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
      #expect(UDPFrame(parsing: frame.bytes) == frame)
      // Ethernet pads short frames; the padding is no payload.
      #expect(UDPFrame(parsing: frame.bytes + [0, 0, 0]) == frame)
    }
  }

  @Test func theChecksumsAreThoseOfRFC1071() {
    let bytes = UDPFrame(
      from: (machine.bits, "192.168.0.1", 1), to: (machine.bits, "192.168.0.199", 67), payload: [1, 2, 3]
    ).bytes
    #expect(sum(bytes[14..<34]) == 0xffff)
    let pseudo: [UInt8] = [192, 168, 0, 1, 192, 168, 0, 199, 0, 17, 0, 11]
    #expect(sum((pseudo + bytes[34...])[...]) == 0xffff)
  }

  private func sum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte) }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return sum
  }

  @Test func aMessageReadsBackAsItWasWritten() throws {
    var message = DHCPMessage(kind: .ack, transaction: 0xdead_beef, isBroadcast: true, relay: "10.7.0.1", hardware: machine)
    message.yourAddress = "10.1.0.42"
    message.clientAddress = "10.1.0.41"
    message.server = "10.1.0.1"
    #expect(DHCPMessage(parsing: message.bytes[...]) == message)
    #expect(message.bytes.count >= 300)
  }

  @Test func whatIsCutOffOrMangledIsNoMessage() throws {
    let whole = UDPFrame(
      from: (machine.bits, "0.0.0.0", 68), to: (UDPFrame.broadcastHardware, "255.255.255.255", 67),
      payload: DHCPMessage.discover(machine, transaction: 7).bytes
    ).bytes
    for count in 0..<whole.count { #expect(UDPFrame(parsing: Array(whole.prefix(count))) == nil) }
    let payload = DHCPMessage.discover(machine, transaction: 7).bytes
    for count in 0..<243 { #expect(DHCPMessage(parsing: payload[..<count]) == nil) }
  }

  @Test func noBytesAtAllBringAParserDown() {
    var random = SeededRandom(seed: 1)
    let message = DHCPMessage.discover(machine, transaction: 7).bytes
    for _ in 0..<5_000 {
      var bytes = message
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      _ = DHCPMessage(parsing: bytes[...])
      _ = UDPFrame(parsing: bytes)
      _ = TFTPReadRequest(parsing: bytes[...])
      _ = NetlinkMessage.parse(bytes)
    }
  }

  @Test func aReadRequestNamesItsFile() {
    let request = [0, 1] + Array("undionly.kpxe\0octet\0".utf8)
    #expect(TFTPReadRequest(parsing: request[...])?.file == "undionly.kpxe")
    #expect(TFTPReadRequest(parsing: ([0, 2] + Array("x\0octet\0".utf8))[...]) == nil)
    #expect(TFTPReadRequest(parsing: ([0, 1] + Array("no end".utf8))[...]) == nil)
    #expect(TFTPReadRequest(parsing: ([0, 1] + Array("a\u{1b}[2J\0octet\0".utf8))[...]) == nil)
  }
}

struct BootTraceTests {
  let own: [IPv4Address] = ["10.1.0.1"]
  let machine: MACAddress = "52:54:00:00:00:2a"

  private func captured(_ message: DHCPMessage, isOutgoing: Bool = false) -> CapturedFrame {
    let isReply = !message.isFromClient
    let frame = UDPFrame(
      from: (machine.bits, isReply ? "10.1.0.1" : "0.0.0.0", isReply ? 67 : 68),
      to: (UDPFrame.broadcastHardware, "255.255.255.255", isReply ? 68 : 67), payload: message.bytes)
    return CapturedFrame(bytes: frame.bytes, isOutgoing: isOutgoing)
  }

  private func ack(server: IPv4Address, renewing: IPv4Address? = nil) -> DHCPMessage {
    var ack = DHCPMessage(kind: .ack, transaction: 1, hardware: machine)
    ack.server = server
    ack.clientAddress = renewing ?? IPv4Address(bits: 0)
    return ack
  }

  private func request(_ file: String, to address: IPv4Address = "10.1.0.1") -> CapturedFrame {
    let frame = UDPFrame(
      from: (machine.bits, "10.1.0.42", 2000), to: (1, address, 69), payload: [0, 1] + Array("\(file)\0octet\0".utf8))
    return CapturedFrame(bytes: frame.bytes, isOutgoing: false)
  }

  @Test func aDiscoverOfAMachineIsAStageAndOurOwnProbeIsNot() {
    var trace = BootTrace()
    let discover = DHCPMessage.discover(machine, transaction: 1)
    let seen = trace.sighting(in: captured(discover), ownAddresses: own, at: .now)
    #expect(seen == BootSighting(machine: .hardware(machine), stage: .discover))
    var other = BootTrace()
    #expect(other.sighting(in: captured(discover, isOutgoing: true), ownAddresses: own, at: .now) == nil)
  }

  @Test func whatCameThroughARelayIsMarked() {
    var trace = BootTrace()
    let discover = DHCPMessage.discover(machine, transaction: 1, relay: "10.7.0.1")
    #expect(trace.sighting(in: captured(discover), ownAddresses: own, at: .now)?.relay != nil)
  }

  @Test func onlyOurAckOfANewLeaseIsAStage() {
    var trace = BootTrace()
    func see(_ message: DHCPMessage, isOutgoing: Bool) -> BootStage? {
      trace.sighting(in: captured(message, isOutgoing: isOutgoing), ownAddresses: own, at: .now)?.stage
    }
    #expect(see(ack(server: "10.1.0.254"), isOutgoing: false) == nil)
    #expect(see(ack(server: "10.1.0.254"), isOutgoing: true) == nil)
    #expect(see(ack(server: "10.1.0.1", renewing: "10.1.0.42"), isOutgoing: true) == nil)
    #expect(see(ack(server: "10.1.0.1"), isOutgoing: true) == .ack)
  }

  @Test func aRepeatIsNotToldAgainUntilLater() {
    var trace = BootTrace()
    let start = ContinuousClock.now
    func see(_ transaction: UInt32, at time: Duration) -> Bool {
      let message = DHCPMessage.discover(machine, transaction: transaction)
      return trace.sighting(in: captured(message), ownAddresses: own, at: start + time) != nil
    }
    #expect(see(1, at: .zero))
    #expect(!see(1, at: .seconds(1)))
    #expect(!see(2, at: .seconds(2)))
    #expect(see(3, at: BootTrace.repeatedWithin))
  }

  @Test func aLoaderRequestIsAStageAndAnUnknownFileAFailure() {
    var trace = BootTrace()
    let loader = trace.sighting(in: request("undionly.kpxe"), ownAddresses: own, at: .now)
    #expect(loader?.stage == .loader)
    #expect(loader?.failure == nil)
    #expect(loader?.machine == .address("10.1.0.42", heardFrom: machine))
    let other = trace.sighting(in: request("/pxelinux.0"), ownAddresses: own, at: .now)
    #expect(other?.failure == "loader pxelinux.0: no such file")
    #expect(trace.sighting(in: request("autoexec.ipxe"), ownAddresses: own, at: .now) == nil)
    #expect(trace.sighting(in: request("undionly.kpxe", to: "10.1.0.2"), ownAddresses: own, at: .now) == nil)
  }

  @Test func whatIsRememberedIsBounded() {
    var trace = BootTrace()
    let start = ContinuousClock.now
    for number in 1...(BootTrace.machinesMax + 100) {
      let message = DHCPMessage.discover(TestStates.mac(number), transaction: 1)
      #expect(trace.sighting(in: captured(message), ownAddresses: own, at: start) != nil)
    }
  }
}
