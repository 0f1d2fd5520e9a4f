internal import Provisioning

/// A DHCP message (RFC 2131 §2) with the few options the agent looks at.
struct DHCPMessage: Sendable, Hashable {
  enum Kind: UInt8, Sendable {
    case discover = 1, offer, request, decline, ack, nak, release, inform
  }

  var kind: Kind
  var transaction: UInt32
  /// The client asks for answers by broadcast.
  var isBroadcast = false
  var clientAddress = IPv4Address(bits: 0)
  var yourAddress = IPv4Address(bits: 0)
  var relay = IPv4Address(bits: 0)
  /// The client's hardware address, Ethernet.
  var hardware: MACAddress
  /// Option 54.
  var server: IPv4Address?
  /// Option 50; written, not read.
  var requestedAddress: IPv4Address?

  static let serverPort: UInt16 = 67
  static let clientPort: UInt16 = 68

  private static let cookie: UInt32 = 0x6382_5363
  /// Options 1, 3, 6, 12, 15, 66, 67: what a booting machine asks for.
  private static let requestedOptions: [UInt8] = [1, 3, 6, 12, 15, 66, 67]
  /// Many servers and relays drop shorter messages (RFC 1542 §2.1).
  private static let bytesMin = 300

  /// A request for an offer.
  static func discover(
    _ hardware: MACAddress, transaction: UInt32, relay: IPv4Address = IPv4Address(bits: 0), isBroadcast: Bool = false
  ) -> DHCPMessage {
    DHCPMessage(
      kind: .discover, transaction: transaction, isBroadcast: isBroadcast, relay: relay, hardware: hardware)
  }

  init(
    kind: Kind, transaction: UInt32, isBroadcast: Bool = false, relay: IPv4Address = IPv4Address(bits: 0),
    hardware: MACAddress
  ) {
    self.kind = kind
    self.transaction = transaction
    self.isBroadcast = isBroadcast
    self.relay = relay
    self.hardware = hardware
  }

  /// Reads a message. `nil` for BOOTP without DHCP, other hardware than Ethernet, and malformed options.
  init?(parsing bytes: ArraySlice<UInt8>) {
    var reader = PacketReader(bytes)
    guard let operation = reader.uint8(), operation == 1 || operation == 2, reader.uint8() == 1, reader.uint8() == 6,
      reader.skip(1), let transaction = reader.uint32(), reader.skip(2), let flags = reader.uint16(),
      let clientAddress = reader.uint32(), let yourAddress = reader.uint32(), reader.skip(4),
      let relay = reader.uint32(), let hardware = reader.uint48(), reader.skip(10 + 64 + 128),
      reader.uint32() == Self.cookie
    else { return nil }
    var kind: Kind?
    var server: IPv4Address?
    scan: while let code = reader.uint8() {
      switch code {
      case 0: continue
      case 255: break scan
      default:
        guard let length = reader.uint8(), let value = reader.take(Int(length)) else { return nil }
        var valueReader = PacketReader(value)
        switch code {
        case 53: kind = valueReader.uint8().flatMap(Kind.init(rawValue:))
        case 54: server = valueReader.uint32().map(IPv4Address.init(bits:))
        default: break
        }
      }
    }
    guard let kind else { return nil }
    do { self.hardware = try MACAddress(bits: hardware) } catch { return nil }
    self.kind = kind
    self.transaction = transaction
    isBroadcast = flags & 0x8000 != 0
    self.clientAddress = IPv4Address(bits: clientAddress)
    self.yourAddress = IPv4Address(bits: yourAddress)
    self.relay = IPv4Address(bits: relay)
    self.server = server
  }

  var isFromClient: Bool {
    switch kind {
    case .discover, .request, .decline, .release, .inform: true
    case .offer, .ack, .nak: false
    }
  }

  /// The message's bytes, at least 300.
  var bytes: [UInt8] {
    var out = PacketWriter()
    out.uint8(isFromClient ? 1 : 2)
    out.uint8(1)
    out.uint8(6)
    out.uint8(relay.bits == 0 ? 0 : 1)  // hops
    out.uint32(transaction)
    out.uint16(0)
    out.uint16(isBroadcast ? 0x8000 : 0)
    out.uint32(clientAddress.bits)
    out.uint32(yourAddress.bits)
    out.uint32(0)
    out.uint32(relay.bits)
    out.uint48(hardware.bits)
    out.zeros(10 + 64 + 128)
    out.uint32(Self.cookie)
    out.append([53, 1, kind.rawValue])
    if let requestedAddress {
      out.append([50, 4])
      out.uint32(requestedAddress.bits)
    }
    if let server {
      out.append([54, 4])
      out.uint32(server.bits)
    }
    if kind == .discover {
      out.append([55, UInt8(Self.requestedOptions.count)])
      out.append(Self.requestedOptions)
    }
    out.uint8(255)
    if out.bytes.count < Self.bytesMin { out.zeros(Self.bytesMin - out.bytes.count) }
    return out.bytes
  }
}

/// A TFTP read request (RFC 1350 §5).
struct TFTPReadRequest: Sendable, Hashable {
  var file: String

  static let port: UInt16 = 69
  /// The loaders' names are a few octets; anything longer is no machine of ours.
  private static let nameOctetsMax = 128

  init?(parsing bytes: ArraySlice<UInt8>) {
    var reader = PacketReader(bytes)
    guard reader.uint16() == 1 else { return nil }
    let name = reader.rest.prefix { $0 != 0 }
    guard (1...Self.nameOctetsMax).contains(name.count), name.count < reader.rest.count,
      name.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    file = String(decoding: name, as: UTF8.self)
  }
}
