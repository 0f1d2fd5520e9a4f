internal import Provisioning

/// A UDP datagram over IPv4 in an Ethernet frame (RFC 768, RFC 791), as far as DHCP and TFTP need it.
struct UDPFrame: Sendable, Hashable {
  var destinationHardware: UInt64
  var sourceHardware: UInt64
  var source: IPv4Address
  var destination: IPv4Address
  var sourcePort: UInt16
  var destinationPort: UInt16
  var payload: ArraySlice<UInt8>

  static let broadcastHardware: UInt64 = 0xffff_ffff_ffff
  private static let ethernetBytes = 14
  private static let ipv4Bytes = 20
  private static let udpBytes = 8
  private static let timeToLive: UInt8 = 64

  init(
    from source: (hardware: UInt64, address: IPv4Address, port: UInt16),
    to destination: (hardware: UInt64, address: IPv4Address, port: UInt16),
    payload: [UInt8]
  ) {
    sourceHardware = source.hardware
    self.source = source.address
    sourcePort = source.port
    destinationHardware = destination.hardware
    self.destination = destination.address
    destinationPort = destination.port
    self.payload = payload[...]
  }

  /// Reads a frame. `nil` for anything that is not an unfragmented UDP datagram with sound lengths.
  ///
  /// Checksums are not looked at: a frame that this host sends, or that came over a virtual link, has none yet.
  init?(parsing bytes: [UInt8]) {
    var reader = PacketReader(bytes[...])
    guard let to = reader.uint48(), let from = reader.uint48(), reader.uint16() == 0x0800,
      let versionAndLength = reader.uint8(), versionAndLength >> 4 == 4,
      reader.skip(1), let totalLength = reader.uint16(), reader.skip(2), let fragment = reader.uint16(),
      fragment & 0x3fff == 0,
      reader.skip(1), reader.uint8() == 17, reader.skip(2),
      let source = reader.uint32(), let destination = reader.uint32()
    else { return nil }
    let headerBytes = Int(versionAndLength & 15) * 4
    guard headerBytes >= Self.ipv4Bytes, reader.skip(headerBytes - Self.ipv4Bytes),
      let sourcePort = reader.uint16(), let destinationPort = reader.uint16(), let length = reader.uint16(),
      reader.skip(2),
      Int(length) >= Self.udpBytes, Int(totalLength) >= headerBytes + Int(length),
      let payload = reader.take(Int(length) - Self.udpBytes)
    else { return nil }
    destinationHardware = to
    sourceHardware = from
    self.source = IPv4Address(bits: source)
    self.destination = IPv4Address(bits: destination)
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.payload = payload
  }

  /// The frame's bytes with both checksums, without padding.
  var bytes: [UInt8] {
    var ip = PacketWriter()
    let udpLength = UInt16(Self.udpBytes + payload.count)
    ip.uint8(0x45)
    ip.uint8(0x10)  // low delay, as DHCP servers mark their packets
    ip.uint16(UInt16(Self.ipv4Bytes) + udpLength)
    ip.uint32(0)  // identification, flags, offset
    ip.uint8(Self.timeToLive)
    ip.uint8(17)
    ip.uint16(0)
    ip.uint32(source.bits)
    ip.uint32(destination.bits)
    ip.patch(checksum(ip.bytes), at: 10)

    var udp = PacketWriter()
    udp.uint16(sourcePort)
    udp.uint16(destinationPort)
    udp.uint16(udpLength)
    udp.uint16(0)
    udp.append(payload)
    var pseudo = PacketWriter()
    pseudo.uint32(source.bits)
    pseudo.uint32(destination.bits)
    pseudo.uint16(17)
    pseudo.uint16(udpLength)
    let sum = checksum(pseudo.bytes + udp.bytes)
    udp.patch(sum == 0 ? 0xffff : sum, at: 6)

    var frame = PacketWriter()
    frame.uint48(destinationHardware)
    frame.uint48(sourceHardware)
    frame.uint16(0x0800)
    return frame.bytes + ip.bytes + udp.bytes
  }
}

/// The internet checksum (RFC 1071).
private func checksum(_ bytes: [UInt8]) -> UInt16 {
  var sum: UInt32 = 0
  var index = 0
  while index < bytes.count {
    let high = UInt32(bytes[index]) << 8
    let low = index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0
    sum += high | low
    index += 2
  }
  while sum >> 16 != 0 { sum = (sum & 0xffff) + (sum >> 16) }
  return ~UInt16(truncatingIfNeeded: sum)
}
